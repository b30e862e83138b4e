// looseroute.hpp's messages: owners that free, errors that throw, views that are string_views.
#include <looseroute.hpp>

#include <cstdio>
#include <cstdlib>

using looseroute::SipMsg;

#define CHECK(what) \
    do { \
        if (!(what)) { \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what); \
            std::exit(1); \
        } \
    } while (false)

namespace {

const char *const text = "MESSAGE sip:bob@b.example SIP/2.0\r\n"
                         "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1, SIP/2.0/TCP b\r\n"
                         "From: Alice <sip:alice@a.example>;tag=1\r\n"
                         "To: <sip:bob@b.example>\r\n"
                         "Call-ID: c\r\nCSeq: 1 MESSAGE\r\n"
                         "Route: <sip:p;lr>\r\nm: *\r\nX-A: 1\r\nx-a: 2\r\n"
                         "Content-Length: 2\r\n\r\nhi";

void a_message_is_read()
{
    SipMsg first(text);
    CHECK(first.parse_headers(LR_HDR_F(LR_HDR_TO)) & LR_HDR_F(LR_HDR_FROM));
    SipMsg msg(std::move(first));
    CHECK(first.get() == 0);
    CHECK(msg.first_line().method == LR_METHOD_MESSAGE && msg[msg.uri().host] == "b.example");
    CHECK(msg[msg.from().display] == "Alice" && msg[msg.to().uri] == "sip:bob@b.example");
    CHECK(msg[msg.uri_at(msg.from().uri).user] == "alice");
    CHECK(msg.cseq().number == 1 && msg.call_id() == "c" && msg.body() == "hi");
    auto vias = msg.vias();
    CHECK(vias.size() == 2 && msg[vias[0].branch] == "z9hG4bK1" && msg[vias[1].transport] == "TCP");
    CHECK(msg.contacts().size() == 1 && msg.contacts()[0].star);
    CHECK(msg[msg.addresses(LR_HDR_ROUTE).at(0).uri] == "sip:p;lr");
    CHECK(msg.headers().size() == 10 && msg.headers("X-A").size() == 2);
    CHECK(msg[msg.headers("X-A")[1].body] == "2" && msg.headers("X-B").empty());
    msg.check(true);
}

void a_message_is_edited_and_read_again()
{
    SipMsg msg(text);
    msg.set_uri("sip:c.example");
    msg.insert_header("Via", "SIP/2.0/UDP p;branch=z9hG4bK2");
    msg.append_header("X-B", "b");
    msg.replace(msg.cseq().method_name, "FOO");
    msg.remove(msg.headers("Call-ID").at(0).line);
    msg.remove_value(LR_HDR_VIA, msg.vias().at(1).body);
    msg.insert(msg.first_line().line.len, "I: d\r\n");
    msg.set_body("hello");
    CHECK(msg.remove_headers("X-A") == 2);
    SipMsg again(msg.write());
    CHECK(again[again.first_line().uri] == "sip:c.example" && again.body() == "hello");
    CHECK(again.vias().size() == 2 && again[again.vias()[0].host] == "p");
    CHECK(again.cseq().method == LR_METHOD_OTHER && again.call_id() == "d");
    CHECK(again.headers("X-A").empty() && again.headers("X-B").size() == 1);
    msg.clear_edits();
    CHECK(msg.write() == text);
}

void what_is_malformed_throws()
{
    try {
        SipMsg msg("ACK sip:a SIP/7.0\r\n\r\n");
        CHECK(!"parsed");
    } catch (const looseroute::ParseError &error) {
        CHECK(error.code() == 505 && error.status() == LR_MESSAGE);
    }
    SipMsg msg("ACK sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a, x\r\nTo: t\r\n\r\n");
    try {
        msg.vias();
        CHECK(!"parsed");
    } catch (const looseroute::ParseError &error) {
        CHECK(error.header() == LR_HDR_VIA && error.reason() == "Bad Via" && error.code() == 400);
        CHECK(error.offset() >= 39 && error.what()[0] != '\0');
    }
    lr_parse_limits limits{};
    limits.headers = 1;
    SipMsg narrow(&limits, "ACK sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nTo: t\r\n\r\n");
    try {
        narrow.check();
        CHECK(!"checked");
    } catch (const looseroute::ParseError &error) {
        CHECK(error.code() == 513);
    }
}

} // namespace

int main()
{
    a_message_is_read();
    a_message_is_edited_and_read_again();
    what_is_malformed_throws();
    std::puts("ok");
    return 0;
}
