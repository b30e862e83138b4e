/* sofia-sip: one message, parsed and let go of. Returns the number of CSeq, or -1. */
#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su.h>

void peer_sofia_init(void) { su_init(); }

int peer_sofia(const char *text, size_t len)
{
    msg_t *m = msg_make(sip_default_mclass(), 0, text, (ssize_t)len);
    sip_t *sip = m ? sip_object(m) : NULL;
    int number = sip && sip->sip_cseq ? (int)sip->sip_cseq->cs_seq : -1;

    if (m)
        msg_destroy(m);
    return number;
}
