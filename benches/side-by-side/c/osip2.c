/* libosip2: one message, parsed and let go of. Returns the number of CSeq, or -1. */
#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>
#include <stdlib.h>

void peer_osip2_init(void) { parser_init(); }

int peer_osip2(const char *text, size_t len)
{
    osip_message_t *m = NULL;
    int number = -1;

    if (osip_message_init(&m) != 0)
        return -1;
    if (osip_message_parse(m, text, len) == 0 && m->cseq != NULL && m->cseq->number != NULL)
        number = atoi(m->cseq->number);
    osip_message_free(m);
    return number;
}
