/* NULL, freed handles and impossible lengths for every function of the parser. */
#include "check.h"

static lr_parse_error bad;

static void refused(int line, lr_status expected, lr_status got)
{
    if (got != expected || bad.error.status != got || bad.code != 0 || bad.reason[0] != '\0') {
        fprintf(stderr, "line %d: %s, not %s: %s\n", line, lr_status_text(got),
                lr_status_text(expected), bad.error.text);
        exit(1);
    }
}

/* The call fails with this status, and it is nothing that a peer could be answered for. */
#define REFUSED(expected, call) \
    do { \
        memset(&bad, 1, sizeof bad); \
        refused(__LINE__, expected, call); \
    } while (0)

#define NULLED(call) REFUSED(LR_NULL, call)

static const char text[] = "<sip:a@b>;tag=1";
static const size_t len = sizeof text - 1;
static const size_t huge[] = {(size_t)-1, (size_t)UINT32_MAX + 1};

static void nulled_values(void)
{
    lr_sip_uri uri;
    lr_to_body body;
    lr_contact contact;
    lr_via_body via;
    lr_cseq_body cseq;
    lr_param param;
    lr_view view = {0, 3};
    uint32_t at = 0;
    size_t i;
    NULLED(lr_parse_uri(NULL, 3, &uri, &bad));
    NULLED(lr_parse_uri(text, len, NULL, &bad));
    NULLED(lr_parse_uri_at(NULL, 3, view, &uri, &bad));
    NULLED(lr_parse_uri_at(text, len, view, NULL, &bad));
    NULLED(lr_parse_to(NULL, 3, &body, &bad));
    NULLED(lr_parse_to(text, len, NULL, &bad));
    NULLED(lr_parse_from(NULL, 3, &body, &bad));
    NULLED(lr_parse_from(text, len, NULL, &bad));
    NULLED(lr_parse_route(NULL, 3, &at, &body, &bad));
    NULLED(lr_parse_route(text, len, NULL, &body, &bad));
    NULLED(lr_parse_route(text, len, &at, NULL, &bad));
    NULLED(lr_parse_contact(NULL, 3, &at, &contact, &bad));
    NULLED(lr_parse_contact(text, len, NULL, &contact, &bad));
    NULLED(lr_parse_contact(text, len, &at, NULL, &bad));
    NULLED(lr_parse_via(NULL, 3, &at, &via, &bad));
    NULLED(lr_parse_via(text, len, NULL, &via, &bad));
    NULLED(lr_parse_via(text, len, &at, NULL, &bad));
    NULLED(lr_parse_cseq(NULL, 3, &cseq, &bad));
    NULLED(lr_parse_cseq(text, len, NULL, &bad));
    NULLED(lr_param_next(NULL, 3, view, &at, &param, &bad));
    NULLED(lr_param_next(text, len, view, NULL, &param, &bad));
    NULLED(lr_param_next(text, len, view, &at, NULL, &bad));
    CHECK(at == 0);
    for (i = 0; i < 2; i++) {
        REFUSED(LR_INVALID_ARGUMENT, lr_parse_uri(text, huge[i], &uri, &bad));
        REFUSED(LR_INVALID_ARGUMENT, lr_parse_to(text, huge[i], &body, &bad));
        REFUSED(LR_INVALID_ARGUMENT, lr_parse_via(text, huge[i], &at, &via, &bad));
    }
    /* A view or a place that is not one. */
    view.offset = UINT32_MAX;
    REFUSED(LR_INVALID_ARGUMENT, lr_parse_uri_at(text, len, view, &uri, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_param_next(text, len, view, &at, &param, &bad));
    at = 5;
    REFUSED(LR_INVALID_ARGUMENT, lr_parse_route(text, len, &at, &body, &bad));
    at = 1000;
    view.offset = 0;
    REFUSED(LR_INVALID_ARGUMENT, lr_parse_via(text, len, &at, &via, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_param_next(text, len, view, &at, &param, &bad));
    /* Without a place for the detail the status is the same; nothing is no URI, but no mistake. */
    IS(LR_NULL, lr_parse_uri(NULL, 3, &uri, NULL));
    IS(LR_MESSAGE, lr_parse_uri(NULL, 0, &uri, NULL));
    CHECK(lr_view_of(NULL, 3, view).len == 0 && lr_view_of(text, 2, view).len == 0);
    CHECK(!lr_view_is(NULL, 3, view, "<si") && !lr_view_is(text, len, view, NULL));
    CHECK(lr_view_is(text, len, view, "<si") && !lr_view_is(text, 2, view, "<si"));
    CHECK(lr_hdr_of_name(NULL) == LR_HDR_OTHER && lr_hdr_of_name("v") == LR_HDR_VIA);
}

/* Every function that reads or edits a message, with places for all outputs. */
static void all_answer(lr_sip_msg msg, lr_status status)
{
    lr_msg_start start;
    lr_sip_uri uri;
    lr_to_body body;
    lr_contact contact;
    lr_via_body via;
    lr_cseq_body cseq;
    lr_hdr_field header;
    lr_view view = {0, 0};
    lr_iter iter = {0, 0};
    size_t count = 0;
    REFUSED(status, lr_parse_headers(msg, LR_HDR_EOH_F, false, NULL, &bad));
    REFUSED(status, lr_parse_headers(msg, LR_HDR_F(LR_HDR_VIA), true, NULL, &bad));
    REFUSED(status, lr_msg_check(msg, true, &bad));
    REFUSED(status, lr_msg_body(msg, &view, NULL, &bad));
    REFUSED(status, lr_msg_first_line(msg, &start, &bad));
    REFUSED(status, lr_msg_uri(msg, &uri, &bad));
    REFUSED(status, lr_msg_to(msg, &body, &bad));
    REFUSED(status, lr_msg_from(msg, &body, &bad));
    REFUSED(status, lr_msg_cseq(msg, &cseq, &bad));
    REFUSED(status, lr_msg_call_id(msg, &view, &bad));
    REFUSED(status, lr_msg_via_next(msg, &iter, &via, &bad));
    REFUSED(status, lr_msg_contact_next(msg, &iter, &contact, &bad));
    REFUSED(status, lr_msg_address_next(msg, LR_HDR_ROUTE, &iter, &body, &bad));
    REFUSED(status, lr_msg_header_next(msg, &iter, &header, &bad));
    REFUSED(status, lr_msg_header_by_id(msg, LR_HDR_TO, &iter, &header, &bad));
    REFUSED(status, lr_msg_header_by_name(msg, "To", &iter, &header, &bad));
    REFUSED(status, lr_msg_insert(msg, 0, "x", 1, &bad));
    REFUSED(status, lr_msg_replace(msg, view, "x", 1, &bad));
    REFUSED(status, lr_msg_remove(msg, view, &bad));
    REFUSED(status, lr_msg_append_header(msg, "X", "x", 1, &bad));
    REFUSED(status, lr_msg_insert_header(msg, "X", "x", 1, &bad));
    REFUSED(status, lr_msg_remove_headers(msg, "X", &count, &bad));
    REFUSED(status, lr_msg_remove_value(msg, LR_HDR_VIA, view, &bad));
    REFUSED(status, lr_msg_set_uri(msg, "sip:a", 5, &bad));
    REFUSED(status, lr_msg_set_body(msg, "x", 1, &bad));
    REFUSED(status, lr_msg_write(msg, NULL, 0, &count, &bad));
    CHECK(count == 0);
}

static void nulled_messages(void)
{
    static const char message[] = "ACK sip:a SIP/2.0\r\nv: SIP/2.0/UDP a\r\n\r\n";
    lr_sip_msg msg = 0, other = 0;
    lr_msg_start start;
    lr_to_body body;
    lr_contact contact;
    lr_via_body via;
    lr_hdr_field header;
    lr_view view = {0, 3}, beyond = {0, 1000};
    lr_iter iter = {0, 0}, stray = {0, 7};
    size_t size;
    IS(LR_NULL, lr_sip_msg_new(NULL, NULL, &error));
    OK(lr_sip_msg_new(NULL, &msg, NULL));
    NULLED(lr_parse_msg(msg, NULL, 3, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_parse_msg(msg, message, huge[0], &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_parse_msg(msg, message, huge[1], &bad));
    all_answer(msg, LR_STATE);
    OK(lr_parse_msg(msg, message, sizeof message - 1, &bad));
    NULLED(lr_msg_body(msg, NULL, NULL, &bad));
    NULLED(lr_msg_first_line(msg, NULL, &bad));
    NULLED(lr_msg_uri(msg, NULL, &bad));
    NULLED(lr_msg_to(msg, NULL, &bad));
    NULLED(lr_msg_from(msg, NULL, &bad));
    NULLED(lr_msg_cseq(msg, NULL, &bad));
    NULLED(lr_msg_call_id(msg, NULL, &bad));
    NULLED(lr_msg_via_next(msg, NULL, &via, &bad));
    NULLED(lr_msg_via_next(msg, &iter, NULL, &bad));
    NULLED(lr_msg_contact_next(msg, NULL, &contact, &bad));
    NULLED(lr_msg_contact_next(msg, &iter, NULL, &bad));
    NULLED(lr_msg_address_next(msg, LR_HDR_ROUTE, NULL, &body, &bad));
    NULLED(lr_msg_address_next(msg, LR_HDR_ROUTE, &iter, NULL, &bad));
    NULLED(lr_msg_header_next(msg, NULL, &header, &bad));
    NULLED(lr_msg_header_next(msg, &iter, NULL, &bad));
    NULLED(lr_msg_header_by_id(msg, LR_HDR_TO, NULL, &header, &bad));
    NULLED(lr_msg_header_by_id(msg, LR_HDR_TO, &iter, NULL, &bad));
    NULLED(lr_msg_header_by_name(msg, NULL, &iter, &header, &bad));
    NULLED(lr_msg_header_by_name(msg, "To", NULL, &header, &bad));
    NULLED(lr_msg_header_by_name(msg, "To", &iter, NULL, &bad));
    NULLED(lr_msg_insert(msg, 0, NULL, 1, &bad));
    NULLED(lr_msg_replace(msg, view, NULL, 1, &bad));
    NULLED(lr_msg_append_header(msg, NULL, "v", 1, &bad));
    NULLED(lr_msg_append_header(msg, "X", NULL, 1, &bad));
    NULLED(lr_msg_insert_header(msg, NULL, "v", 1, &bad));
    NULLED(lr_msg_insert_header(msg, "X", NULL, 1, &bad));
    NULLED(lr_msg_remove_headers(msg, NULL, NULL, &bad));
    NULLED(lr_msg_set_uri(msg, NULL, 1, &bad));
    NULLED(lr_msg_set_body(msg, NULL, 1, &bad));
    NULLED(lr_msg_write(msg, NULL, 0, NULL, &bad));
    NULLED(lr_msg_write(msg, NULL, 1, &size, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_msg_address_next(msg, (lr_hdr_type)999, &iter, &body, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_msg_header_by_id(msg, (lr_hdr_type)-1, &iter, &header, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_msg_via_next(msg, &stray, &via, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_msg_remove(msg, beyond, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_msg_replace(msg, beyond, "x", 1, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_msg_insert(msg, 1000, "x", 1, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_msg_append_header(msg, "X Y", "v", 1, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_msg_append_header(msg, "", "v", 1, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_msg_insert_header(msg, "X", "v\r\nY: w", 7, &bad));
    REFUSED(LR_INVALID_ARGUMENT, lr_msg_set_body(msg, "x", (size_t)-1, &bad));
    REFUSED(LR_NOT_FOUND, lr_msg_remove_value(msg, LR_HDR_VIA, view, &bad));
    /* A text that is no message leaves none behind. */
    CHECK(lr_parse_msg(msg, "", 0, &bad) == LR_MESSAGE && bad.code == 400);
    REFUSED(LR_STATE, lr_msg_first_line(msg, &start, &bad));
    OK(lr_sip_msg_free(msg));
    IS(LR_GONE, lr_sip_msg_free(msg));
    REFUSED(LR_GONE, lr_parse_msg(msg, message, 4, &bad));
    all_answer(msg, LR_GONE);
    all_answer(0, LR_GONE);
    REFUSED(LR_GONE, lr_msg_clear_edits(msg, &bad));
    OK(lr_sip_msg_new(NULL, &other, NULL));
    CHECK(other != msg);
    OK(lr_sip_msg_free(other));
}

int main(void)
{
    nulled_values();
    nulled_messages();
    puts("ok");
    return 0;
}
