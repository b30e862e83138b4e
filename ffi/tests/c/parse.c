/* The parser: fields of messages and values, steps, edits, and the verdict on every message of a
 * list: each line of the file named by the argument is "CODE OFFSET PATH". */
#include "check.h"

static lr_parse_error bad;

#define FINE(call) \
    do { \
        if ((call) != LR_OK) { \
            fprintf(stderr, "%s:%d: %s\n  %s\n", __FILE__, __LINE__, #call, bad.error.text); \
            exit(1); \
        } \
    } while (0)

/* The text is malformed: at this byte, about this header, with this answer. */
#define MALFORMED(at, about, phrase, call) \
    do { \
        memset(&bad, 1, sizeof bad); \
        if ((call) != LR_MESSAGE || bad.offset != (at) || bad.header != (about) || \
            strcmp(bad.reason, phrase) != 0) { \
            fprintf(stderr, "%s:%d: %s\n  byte %u, header %d, %u %s: %s\n", __FILE__, __LINE__, \
                    #call, bad.offset, (int)bad.header, bad.code, bad.reason, bad.error.text); \
            exit(1); \
        } \
    } while (0)

static const char *text;
static size_t length;
static lr_sip_msg msg;

static bool is(lr_view view, const char *expected) { return lr_view_is(text, length, view, expected); }

static void use(const char *given)
{
    text = given;
    length = strlen(given);
}

static const char invite[] =
    "\r\nINVITE sip:bob:pw@[2001:db8::1]:5070;transport=tcp;lr?a=b SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;rport;received=10.0.0.9 ,\r\n"
    " SIP/2.0/TLS [::1]:5061;branch=z9hG4bKb;rport=77;ttl=3;maddr=m\r\n"
    "v: SIP/2.0/TCP c.example\r\n"
    "To: <sip:bob@b.example>\r\n"
    "f: \"Alice, A.\" <sip:alice@a.example>;tag=88sl;x=\"1;2\" ; y\r\n"
    "Call-ID: 1@a\r\n"
    "CSeq: 009 INVITE\r\n"
    "Max-Forwards: 70\r\n"
    "Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n"
    "Contact: <sip:a@10.0.0.1>;q=0.5;expires=60\r\n"
    "X-Own: one\r\n"
    "x-own: two\r\n"
    "Content-Length: 4\r\n\r\nbodyJUNK";

static void steps(void)
{
    uint64_t found = 0;
    lr_msg_start start;
    lr_sip_uri uri;
    lr_view body;
    uint32_t end;
    use(invite);
    FINE(lr_parse_msg(msg, text, length, &bad));
    FINE(lr_msg_first_line(msg, &start, &bad));
    CHECK(start.is_request && start.method == LR_METHOD_INVITE && start.status == 0);
    CHECK(is(start.method_name, "INVITE") && is(start.version, "SIP/2.0") && start.line.offset == 2);
    CHECK(is(start.uri, "sip:bob:pw@[2001:db8::1]:5070;transport=tcp;lr?a=b"));
    FINE(lr_msg_uri(msg, &uri, &bad));
    CHECK(uri.scheme == LR_URI_SIP && is(uri.scheme_name, "sip") && is(uri.user, "bob"));
    CHECK(is(uri.password, "pw") && is(uri.host, "[2001:db8::1]") && uri.port == 5070);
    CHECK(uri.has_port && is(uri.params, ";transport=tcp;lr") && is(uri.headers, "a=b"));
    CHECK(is(uri.transport, "tcp") && uri.lr && uri.maddr.len == 0 && uri.gr.len == 0);
    /* Only the first Via was read; To is the third line; all the rest is there in the end. */
    FINE(lr_parse_headers(msg, 0, false, &found, &bad));
    CHECK(found == LR_HDR_F(LR_HDR_VIA));
    FINE(lr_parse_headers(msg, LR_HDR_F(LR_HDR_TO), false, &found, &bad));
    CHECK(found == (LR_HDR_F(LR_HDR_VIA) | LR_HDR_F(LR_HDR_TO)));
    FINE(lr_parse_headers(msg, LR_HDR_F(LR_HDR_OTHER), true, &found, &bad));
    CHECK(found & LR_HDR_F(LR_HDR_CONTACT) && !(found & LR_HDR_F(LR_HDR_CONTENT_LENGTH)));
    FINE(lr_parse_headers(msg, LR_HDR_EOH_F, false, &found, &bad));
    CHECK(found & LR_HDR_F(LR_HDR_CONTENT_LENGTH) && !(found & LR_HDR_F(LR_HDR_PATH)));
    CHECK(LR_HDR_F(LR_HDR_WARNING) == LR_HDR_EOH_F);
    MALFORMED(uri.headers.offset, LR_HDR_OTHER, "Bad Request-URI", lr_msg_check(msg, false, &bad));
    FINE(lr_msg_body(msg, &body, &end, &bad));
    CHECK(is(body, "body") && end == length - 4);
}

static void values(void)
{
    lr_to_body to, from;
    lr_cseq_body cseq;
    lr_view id;
    lr_via_body via;
    lr_contact contact;
    lr_param param;
    lr_iter iter = {0, 0};
    uint32_t at = 0;
    FINE(lr_msg_to(msg, &to, &bad));
    CHECK(is(to.body, "<sip:bob@b.example>") && is(to.uri, "sip:bob@b.example"));
    CHECK(to.display.len == 0 && to.params.len == 0 && to.tag.len == 0);
    FINE(lr_msg_from(msg, &from, &bad));
    CHECK(is(from.display, "\"Alice, A.\"") && is(from.uri, "sip:alice@a.example"));
    CHECK(is(from.tag, "88sl") && is(from.params, ";tag=88sl;x=\"1;2\" ; y"));
    FINE(lr_param_next(text, length, from.params, &at, &param, &bad));
    CHECK(is(param.name, "tag") && param.has_value && is(param.value, "88sl"));
    FINE(lr_param_next(text, length, from.params, &at, &param, &bad));
    CHECK(is(param.name, "x") && is(param.value, "\"1;2\""));
    FINE(lr_param_next(text, length, from.params, &at, &param, &bad));
    CHECK(is(param.name, "y") && !param.has_value && param.value.len == 0);
    CHECK(lr_param_next(text, length, from.params, &at, &param, &bad) == LR_NOT_FOUND);
    FINE(lr_msg_cseq(msg, &cseq, &bad));
    CHECK(cseq.number == 9 && cseq.method == LR_METHOD_INVITE && is(cseq.method_name, "INVITE"));
    FINE(lr_msg_call_id(msg, &id, &bad));
    CHECK(is(id, "1@a"));
    FINE(lr_msg_via_next(msg, &iter, &via, &bad));
    CHECK(is(via.body, "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;rport;received=10.0.0.9"));
    CHECK(is(via.name, "SIP") && is(via.version, "2.0") && is(via.transport, "UDP"));
    CHECK(is(via.host, "10.0.0.1") && !via.has_port && is(via.branch, "z9hG4bKa"));
    CHECK(via.has_rport && via.rport == 0 && is(via.received, "10.0.0.9") && !via.has_ttl);
    FINE(lr_msg_via_next(msg, &iter, &via, &bad));
    CHECK(is(via.host, "[::1]") && via.has_port && via.port == 5061 && is(via.maddr, "m"));
    CHECK(is(via.sent_by, "[::1]:5061") && via.rport == 77 && via.has_ttl && via.ttl == 3);
    FINE(lr_msg_via_next(msg, &iter, &via, &bad));
    CHECK(is(via.body, "SIP/2.0/TCP c.example") && via.params.len == 0 && !via.has_rport);
    CHECK(lr_msg_via_next(msg, &iter, &via, &bad) == LR_NOT_FOUND);
    memset(&iter, 0, sizeof iter);
    FINE(lr_msg_address_next(msg, LR_HDR_ROUTE, &iter, &to, &bad));
    CHECK(is(to.uri, "sip:p1.example;lr"));
    FINE(lr_msg_address_next(msg, LR_HDR_ROUTE, &iter, &to, &bad));
    CHECK(is(to.uri, "sip:p2.example;lr"));
    CHECK(lr_msg_address_next(msg, LR_HDR_ROUTE, &iter, &to, &bad) == LR_NOT_FOUND);
    memset(&iter, 0, sizeof iter);
    FINE(lr_msg_contact_next(msg, &iter, &contact, &bad));
    CHECK(!contact.star && contact.q == 500 && contact.has_expires && contact.expires == 60);
    CHECK(is(contact.address.uri, "sip:a@10.0.0.1"));
}

static void headers(void)
{
    lr_hdr_field header, last;
    lr_iter iter = {0, 0};
    int count = 0;
    memset(&last, 0, sizeof last);
    while (lr_msg_header_next(msg, &iter, &header, &bad) == LR_OK) {
        /* The lines follow each other without a gap. */
        CHECK(count == 0 || header.line.offset == last.line.offset + last.line.len);
        CHECK(header.name.offset == header.line.offset);
        last = header;
        count++;
    }
    CHECK(count == 12 && last.id == LR_HDR_CONTENT_LENGTH && is(last.body, "4"));
    CHECK(is(last.name, "Content-Length") && is(last.line, "Content-Length: 4\r\n"));
    memset(&iter, 0, sizeof iter);
    FINE(lr_msg_header_by_id(msg, LR_HDR_VIA, &iter, &header, &bad));
    FINE(lr_msg_header_by_id(msg, LR_HDR_VIA, &iter, &header, &bad));
    CHECK(is(header.name, "v") && header.id == LR_HDR_VIA);
    CHECK(lr_msg_header_by_id(msg, LR_HDR_VIA, &iter, &header, &bad) == LR_NOT_FOUND);
    memset(&iter, 0, sizeof iter);
    FINE(lr_msg_header_by_name(msg, "X-OWN", &iter, &header, &bad));
    CHECK(header.id == LR_HDR_OTHER && is(header.body, "one"));
    FINE(lr_msg_header_by_name(msg, "X-OWN", &iter, &header, &bad));
    CHECK(is(header.body, "two"));
    CHECK(lr_msg_header_by_name(msg, "X-OWN", &iter, &header, &bad) == LR_NOT_FOUND);
}

/* Values that stand alone, and their mistakes. */
static void alone(void)
{
    lr_sip_uri uri;
    lr_to_body to;
    lr_contact contact;
    lr_via_body via;
    lr_cseq_body cseq;
    uint32_t at = 0;
    use("tel:+1-201-555-0123;ext=9");
    FINE(lr_parse_uri(text, length, &uri, &bad));
    CHECK(uri.scheme == LR_URI_TEL && is(uri.user, "+1-201-555-0123") && uri.host.len == 0);
    use("sip:%61:@h;user=phone;method=ACK;ttl=2;maddr=m;gr=g");
    FINE(lr_parse_uri(text, length, &uri, &bad));
    CHECK(is(uri.user, "%61") && uri.password.len == 0 && is(uri.host, "h") && !uri.has_port);
    CHECK(is(uri.user_param, "phone") && is(uri.method, "ACK") && is(uri.ttl, "2"));
    CHECK(is(uri.maddr, "m") && is(uri.gr, "g") && !uri.lr);
    use("sip:a@h:x");
    MALFORMED(8, LR_HDR_OTHER, "Bad URI", lr_parse_uri(text, length, &uri, &bad));
    CHECK(bad.code == 400 && strstr(bad.error.text, "port") != NULL);
    use("  Bob <sips:bob@b:5061> ;tag=9 ");
    FINE(lr_parse_to(text, length, &to, &bad));
    CHECK(is(to.display, "Bob") && is(to.tag, "9"));
    CHECK(is(to.body, "Bob <sips:bob@b:5061> ;tag=9"));
    FINE(lr_parse_uri_at(text, length, to.uri, &uri, &bad));
    CHECK(uri.scheme == LR_URI_SIPS && is(uri.user, "bob") && uri.port == 5061);
    use("<sip:a>, <sip:b>");
    MALFORMED(7u, LR_HDR_TO, "Bad To", lr_parse_to(text, length, &to, &bad));
    MALFORMED(7u, LR_HDR_FROM, "Bad From", lr_parse_from(text, length, &to, &bad));
    FINE(lr_parse_route(text, length, &at, &to, &bad));
    FINE(lr_parse_route(text, length, &at, &to, &bad));
    CHECK(is(to.uri, "sip:b"));
    CHECK(lr_parse_route(text, length, &at, &to, &bad) == LR_NOT_FOUND);
    at = 0;
    use("SIP/2.0/UDP a;branch=b , SIP/2.0/UDP ;x");
    FINE(lr_parse_via(text, length, &at, &via, &bad));
    CHECK(is(via.body, "SIP/2.0/UDP a;branch=b") && is(via.branch, "b"));
    MALFORMED(37u, LR_HDR_VIA, "Bad Via", lr_parse_via(text, length, &at, &via, &bad));
    CHECK(lr_parse_via(text, length, &at, &via, &bad) == LR_NOT_FOUND);
    at = 0;
    use("*");
    FINE(lr_parse_contact(text, length, &at, &contact, &bad));
    CHECK(contact.star && contact.q == -1 && is(contact.address.body, "*"));
    use("4294967296 INVITE");
    MALFORMED(0u, LR_HDR_CSEQ, "Bad CSeq", lr_parse_cseq(text, length, &cseq, &bad));
    use("7 FOO");
    FINE(lr_parse_cseq(text, length, &cseq, &bad));
    CHECK(cseq.number == 7 && cseq.method == LR_METHOD_OTHER && is(cseq.method_name, "FOO"));
}

/* A message that is malformed somewhere, and limits. */
static void mistakes(void)
{
    lr_parse_limits limits = {0, 0, 2, 0, 8, 0};
    lr_sip_msg narrow;
    lr_to_body to;
    lr_via_body via;
    lr_msg_start start;
    lr_sip_uri uri;
    lr_view body;
    lr_iter iter = {0, 0};
    use("OPTIONS sip:a SIP/3.0\r\n\r\n");
    CHECK(lr_parse_msg(msg, text, length, &bad) == LR_MESSAGE && bad.code == 505);
    CHECK(lr_msg_first_line(msg, &start, NULL) == LR_STATE);
    use("SIP/2.0 487 Gone  \r\nv: SIP/2.0/UDP a, SIP/2.0/UDP\r\nVia: SIP/2.0/UDP c\r\nl: 9\r\n\r\nx");
    FINE(lr_parse_msg(msg, text, length, &bad));
    FINE(lr_msg_first_line(msg, &start, &bad));
    CHECK(!start.is_request && start.status == 487 && is(start.version, "SIP/2.0"));
    CHECK(start.uri.len == 0 && lr_msg_uri(msg, &uri, &bad) == LR_STATE);
    MALFORMED(0u, LR_HDR_TO, "Missing To", lr_msg_to(msg, &to, &bad));
    FINE(lr_msg_via_next(msg, &iter, &via, &bad));
    CHECK(lr_msg_via_next(msg, &iter, &via, &bad) == LR_MESSAGE && bad.header == LR_HDR_VIA);
    FINE(lr_msg_via_next(msg, &iter, &via, &bad));
    CHECK(is(via.host, "c"));
    MALFORMED(length, LR_HDR_OTHER, "Content-Length Beyond Message",
              lr_msg_body(msg, &body, NULL, &bad));
    OK(lr_sip_msg_new(&limits, &narrow, &error));
    CHECK(lr_parse_msg(narrow, "ACK sip:a.example SIP/2.0\r\n\r\n", 29, &bad) == LR_MESSAGE);
    CHECK(bad.code == 414);
    use("ACK sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nA: 1\r\nB: 2\r\n\r\n");
    FINE(lr_parse_msg(narrow, text, length, &bad));
    CHECK(lr_parse_headers(narrow, LR_HDR_EOH_F, false, NULL, &bad) == LR_MESSAGE);
    CHECK(bad.code == 513);
    OK(lr_sip_msg_free(narrow));
}

/* What follows a message in a large buffer is no part of it; a body without an end is too large. */
static void large(void)
{
    static char bytes[3 << 20];
    lr_view body;
    uint32_t end;
    use("\r\nACK sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nl: 3\r\n\r\n");
    memcpy(bytes, text, length);
    FINE(lr_parse_msg(msg, bytes, sizeof bytes, &bad));
    FINE(lr_msg_body(msg, &body, &end, &bad));
    CHECK(body.offset == length && body.len == 3 && end == length + 3);
    bytes[length - 8] = 'k';
    FINE(lr_parse_msg(msg, bytes, sizeof bytes, &bad));
    CHECK(lr_msg_body(msg, &body, &end, &bad) == LR_MESSAGE && bad.code == 513);
    /* Nothing but line ends, and a head that does not end. */
    memset(bytes, '\n', sizeof bytes);
    CHECK(lr_parse_msg(msg, bytes, sizeof bytes, &bad) == LR_MESSAGE && bad.code == 400);
    CHECK(bad.offset == sizeof bytes);
    memset(bytes, 'A', sizeof bytes);
    CHECK(lr_parse_msg(msg, bytes, sizeof bytes, &bad) == LR_MESSAGE && bad.code == 400);
}

/* A list of as many members as a head can hold is walked over to its end, alone and in a message. */
static void long_lists(void)
{
    static const char start[] = "ACK sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nRoute: ";
    static char bytes[32 << 10];
    size_t len = sizeof start - 1, from = len;
    uint32_t at = 0, count = 0;
    lr_to_body route;
    lr_iter iter = {0, 0};
    memcpy(bytes, start, len);
    while (len + 16 < sizeof bytes) {
        memcpy(bytes + len, "<sip:a>,", 8);
        len += 8;
    }
    memcpy(bytes + len - 1, "\r\n\r\n", 4);
    while (lr_parse_route(bytes + from, len - 1 - from, &at, &route, &bad) == LR_OK)
        count++;
    CHECK(bad.error.status == LR_NOT_FOUND && count == (len - from) / 8);
    FINE(lr_parse_msg(msg, bytes, len + 3, &bad));
    while (lr_msg_address_next(msg, LR_HDR_ROUTE, &iter, &route, &bad) == LR_OK)
        count--;
    CHECK(bad.error.status == LR_NOT_FOUND && count == 0);
}

static const char *written(void)
{
    static char out[4096];
    size_t needed = 0, len = 0;
    out[0] = 'x';
    CHECK(lr_msg_write(msg, NULL, 0, &needed, &bad) == LR_LIMIT);
    CHECK(lr_msg_write(msg, out, needed - 1, &len, &bad) == LR_LIMIT && len == needed);
    CHECK(out[0] == 'x' && needed < sizeof out);
    FINE(lr_msg_write(msg, out, needed, &len, &bad));
    CHECK(len == needed);
    out[len] = '\0';
    return out;
}

static void edits(void)
{
    static char again[4096];
    lr_hdr_field header;
    lr_iter iter = {0, 0};
    lr_via_body via;
    lr_to_body route;
    lr_view line;
    size_t count;
    int i;
    use(invite);
    FINE(lr_parse_msg(msg, text, length, &bad));
    CHECK(strlen(written()) == length - 6 && memcmp(written(), text + 2, length - 6) == 0);
    FINE(lr_msg_set_uri(msg, "sip:x", 5, &bad));
    FINE(lr_msg_set_uri(msg, "sip:new", 7, &bad));
    FINE(lr_msg_insert_header(msg, "Via", "SIP/2.0/UDP p;branch=n", 22, &bad));
    FINE(lr_msg_insert_header(msg, "X-Own", "zero", 4, &bad));
    FINE(lr_msg_append_header(msg, "X-Last", "", 0, &bad));
    FINE(lr_msg_remove_headers(msg, "From", &count, &bad));
    CHECK(count == 1);
    FINE(lr_msg_header_by_id(msg, LR_HDR_MAX_FORWARDS, &iter, &header, &bad));
    FINE(lr_msg_replace(msg, header.body, "71", 2, &bad));
    FINE(lr_msg_replace(msg, header.body, "69", 2, &bad));
    line = header.line;
    FINE(lr_msg_insert(msg, line.offset, "A: b\r\n", 6, &bad));
    memset(&iter, 0, sizeof iter);
    FINE(lr_msg_header_by_name(msg, "Call-ID", &iter, &header, &bad));
    FINE(lr_msg_remove(msg, header.line, &bad));
    memset(&iter, 0, sizeof iter);
    FINE(lr_msg_address_next(msg, LR_HDR_ROUTE, &iter, &route, &bad));
    FINE(lr_msg_remove_value(msg, LR_HDR_ROUTE, route.body, &bad));
    memset(&iter, 0, sizeof iter);
    FINE(lr_msg_via_next(msg, &iter, &via, &bad));
    FINE(lr_msg_remove_value(msg, LR_HDR_VIA, via.body, &bad));
    FINE(lr_msg_set_body(msg, "a longer body", 13, &bad));
    strcpy(again, written());
    CHECK(strcmp(again, "INVITE sip:new SIP/2.0\r\n"
                        "Via: SIP/2.0/UDP p;branch=n\r\n"
                        "Via: SIP/2.0/TLS [::1]:5061;branch=z9hG4bKb;rport=77;ttl=3;maddr=m\r\n"
                        "v: SIP/2.0/TCP c.example\r\n"
                        "To: <sip:bob@b.example>\r\n"
                        "CSeq: 009 INVITE\r\n"
                        "A: b\r\n"
                        "Max-Forwards: 69\r\n"
                        "Route: <sip:p2.example;lr>\r\n"
                        "Contact: <sip:a@10.0.0.1>;q=0.5;expires=60\r\n"
                        "X-Own: zero\r\n"
                        "X-Own: one\r\n"
                        "x-own: two\r\n"
                        "Content-Length: 13\r\n"
                        "X-Last: \r\n\r\na longer body") == 0);
    /* The message that is read is still the old one; without its edits it is written so. */
    FINE(lr_msg_clear_edits(msg, &bad));
    CHECK(memcmp(written(), text + 2, length - 6) == 0);
    use(again);
    FINE(lr_parse_msg(msg, text, length, &bad));
    memset(&iter, 0, sizeof iter);
    FINE(lr_msg_via_next(msg, &iter, &via, &bad));
    CHECK(is(via.host, "p") && is(via.branch, "n"));
    MALFORMED(0u, LR_HDR_FROM, "Missing From", lr_msg_check(msg, true, &bad));
    /* Edits are bounded in number and in what they put in. */
    for (i = 0; i < LR_MAX_EDITS; i++)
        FINE(lr_msg_insert(msg, 0, "x", 1, &bad));
    CHECK(lr_msg_insert(msg, 0, "x", 1, &bad) == LR_LIMIT);
    CHECK(strlen(written()) == length + LR_MAX_EDITS);
    FINE(lr_msg_clear_edits(msg, &bad));
    for (count = 0; lr_msg_set_body(msg, again, sizeof again, &bad) == LR_OK; count++)
        CHECK(count < 1024);
    CHECK(bad.error.status == LR_LIMIT && count > 0);
}

/* Parses a file as a whole, as its verdict was made. */
static void judge(unsigned code, unsigned offset, const char *path)
{
    static char bytes[1 << 17];
    lr_view body;
    size_t len, again = 0;
    lr_status status;
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    len = fread(bytes, 1, sizeof bytes, file);
    CHECK(len < sizeof bytes);
    fclose(file);
    memset(&bad, 0, sizeof bad);
    status = lr_parse_msg(msg, bytes, len, &bad);
    if (status == LR_OK)
        status = lr_msg_body(msg, &body, NULL, &bad);
    if (status == LR_OK) {
        static char out[sizeof bytes];
        lr_hdr_field header;
        lr_msg_start start;
        lr_iter iter = {0, 0};
        uint32_t end;
        /* Start line, headers, empty line and body are all of it, and are written as they are. */
        FINE(lr_msg_first_line(msg, &start, &bad));
        end = start.line.offset + start.line.len;
        while (lr_msg_header_next(msg, &iter, &header, &bad) == LR_OK) {
            CHECK(header.line.offset == end);
            end += header.line.len;
        }
        CHECK(body.offset == end + 2);
        FINE(lr_msg_write(msg, out, sizeof out, &again, &bad));
        CHECK(again == body.offset + body.len - start.line.offset);
        CHECK(memcmp(out, bytes + start.line.offset, again) == 0);
        memset(&bad, 0, sizeof bad);
        status = lr_msg_check(msg, true, &bad);
    }
    if (status != (code == 0 ? LR_OK : LR_MESSAGE) || bad.code != code) {
        fprintf(stderr, "%s: %d, %u %s at %u, not %u\n", path, (int)status, bad.code, bad.reason,
                bad.offset, code);
        exit(1);
    }
    if (offset != 0 && again == 0)
        CHECK(bad.offset == offset);
}

int main(int argc, char **argv)
{
    char path[1024];
    unsigned code, offset, judged = 0;
    FILE *list;
    OK(lr_sip_msg_new(NULL, &msg, &error));
    steps();
    values();
    headers();
    alone();
    mistakes();
    large();
    long_lists();
    edits();
    CHECK(argc == 2);
    list = fopen(argv[1], "r");
    CHECK(list != NULL);
    while (fscanf(list, "%u %u %1023[^\n]", &code, &offset, path) == 3) {
        judge(code, offset, path);
        judged++;
    }
    fclose(list);
    CHECK(judged > 70);
    OK(lr_sip_msg_free(msg));
    puts("ok");
    return 0;
}
