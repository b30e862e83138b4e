// looseroute.hpp: owners that free, errors that throw, lambdas as callbacks.
#include <looseroute.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using looseroute::Call;
using looseroute::Result;

#define CHECK(what) \
    do { \
        if (!(what)) { \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what); \
            std::exit(1); \
        } \
    } while (false)

namespace {

const lr_address here = looseroute::address("udp:10.0.0.1:5060");
const lr_address peer = looseroute::address("udp:10.0.0.2:5062");

lr_time at(std::uint64_t ms) { return {ms * 1000000, (1700000000000 + ms) * 1000000}; }

std::string request(const std::string &method, const std::string &branch)
{
    return method + " sip:bob@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5062;branch=z9hG4bK" +
           branch + ";rport\r\nMax-Forwards: 70\r\nFrom: <sip:alice@10.0.0.1>;tag=1\r\n" +
           "To: <sip:bob@10.0.0.1>\r\nCall-ID: " + branch + "\r\nCSeq: 1 " + method +
           "\r\nContent-Length: 0\r\n\r\n";
}

std::string sent(looseroute::Engine &engine)
{
    lr_output output;
    CHECK(engine.poll_output(output));
    return {output.bytes.ptr, output.bytes.len};
}

bool begins(const std::string &text, const char *start) { return text.rfind(start, 0) == 0; }

// Counts how many of it there are, to see that every callback is freed.
struct Counted {
    static int alive;
    Counted() { alive++; }
    Counted(const Counted &) { alive++; }
    ~Counted() { alive--; }
};
int Counted::alive = 0;

void a_request_goes_through_lambdas()
{
    std::optional<looseroute::Message> kept;
    std::uint64_t token = 0;
    int events = 0;
    {
        looseroute::Config config;
        config.listen("udp:10.0.0.1:5060").domain("10.0.0.1").without_sockets().seed(3);
        config.on_event([&, counted = Counted()](const looseroute::Event &event) {
            events += event.is("sl:local-response") && event.number("code") == 202;
            CHECK(event.name().size() > 2);
        });
        config.route([&, counted = Counted()](Call call) {
            CHECK(call.is("MESSAGE") && !call.in_dialog() && call.method() == "MESSAGE");
            CHECK(call.to_uri() == "sip:bob@10.0.0.1" && call.header("call-id") == "a");
            CHECK(call.header("X-None").empty() && call.user().empty());
            CHECK(call.source().port == 5062);
            kept.emplace(call);
            call.max_forwards(10, [&, counted](Call call, const Result &hops) {
                CHECK(hops);
                call.append_to_reply("X-From", "a lambda");
                token = call.pending(1s, [counted](Call call, const Result &resumed) {
                    CHECK(resumed.ok());
                    call.reply(static_cast<std::uint32_t>(resumed.value));
                });
            });
        });
        looseroute::Engine engine(config);
        looseroute::Engine moved(std::move(engine));
        CHECK(moved.listeners().size() == 1 && moved.listeners()[0].port == 5060);
        int woken = 0;
        moved.set_wakeup([&woken] { woken++; });
        moved.handle_input(at(0), peer, here, request("MESSAGE", "a"));
        CHECK(token != 0);
        lr_output none;
        CHECK(!moved.poll_output(none));
        CHECK(moved.resume(token, 202) && !moved.resume(token, 200) && woken == 1);
        moved.handle_timeout(at(5));
        std::string reply = sent(moved);
        CHECK(begins(reply, "SIP/2.0 202 Accepted\r\n"));
        CHECK(reply.find("\r\nX-From: a lambda\r\n") != std::string::npos);
        CHECK(events == 1);
        CHECK(moved.rpc("core.version").size() > 2);
        CHECK(moved.poll_timeout() > 0 && moved.statistic("core", "bad_msg") == 0);
    }
    CHECK(Counted::alive == 0);
    CHECK(kept->method() == "MESSAGE" && kept->call_id() == "a");
}

void exceptions_stay_inside()
{
    looseroute::Config config;
    config.listen("udp:10.0.0.1:5060").domain("10.0.0.1").without_sockets();
    config.log(LR_LOG_CRITICAL, [](lr_log_level, std::string_view, std::string_view) {});
    config.route([](Call call) {
        if (call.is("OPTIONS"))
            throw std::runtime_error("a mistake of the route");
        if (call.is("INFO"))
            call.set_request_uri("no uri at all");
        call.is_myself([](Call, const Result &) { throw 42; });
    });
    looseroute::Engine engine(config);
    for (const char *method : {"OPTIONS", "INFO", "MESSAGE"}) {
        engine.handle_input(at(0), peer, here, request(method, method));
        CHECK(begins(sent(engine), "SIP/2.0 500 "));
    }
}

void errors_are_thrown_with_their_detail()
{
    looseroute::Config config;
    config.listen("udp:127.0.0.1:0").http_rpc("/RPC").http_metrics("/metrics").route([](Call) {});
    looseroute::Engine one(config);
    looseroute::Config second;
    second.listen("udp:127.0.0.1:" + std::to_string(one.listeners()[0].port)).route([](Call) {});
    try {
        looseroute::Engine two(second);
        CHECK(!"two engines on one address");
    } catch (const looseroute::Error &error) {
        CHECK(error.status() == LR_IN_USE);
        CHECK(std::strstr(error.what(), "in use") != nullptr);
    }
    CHECK(one.fd() >= 0 && one.next_timeout() >= -1);
    one.process(0ms);
    try {
        one.modparam("tm", "fr_timr", 1);
        CHECK(!"an unknown parameter");
    } catch (const looseroute::Error &error) {
        CHECK(error.status() == LR_NOT_FOUND);
    }
}

void continuations_are_freed_when_the_route_ends_early()
{
    {
        looseroute::Config config;
        config.listen("udp:10.0.0.1:5060").domain("10.0.0.1").without_sockets();
        config.route([](Call call) {
            Counted counted;
            call.reply(404);
            call.function("drop", {}, [counted](Call, const Result &end) {
                CHECK(end.status == LR_GONE);
            });
            call.reply(200, nullptr, [counted](Call, const Result &end) {
                CHECK(end.status == LR_GONE && !end.detail.empty());
            });
            call.pending(1s, [counted](Call, const Result &end) { CHECK(end.status == LR_GONE); });
        });
        looseroute::Engine engine(config);
        engine.handle_input(at(0), peer, here, request("OPTIONS", "d"));
        CHECK(begins(sent(engine), "SIP/2.0 404 "));
    }
    CHECK(Counted::alive == 0);
}

void locks_are_released_and_tell_mistakes()
{
    looseroute::Config config;
    config.listen("udp:10.0.0.1:5060").without_sockets().route([](Call) {});
    looseroute::Engine engine(config);
    looseroute::Lock low(engine, "low"), high(engine, "high", 1);
    looseroute::LockSet set(engine, "set", 2, 2);
    {
        std::lock_guard<looseroute::Lock> guard(low);
        CHECK(!low.try_lock(LR_HERE));
        std::unique_lock<looseroute::Lock> other(high);
        set.lock(1, LR_HERE);
        CHECK(!set.try_lock(1) && set.try_lock(0));
        set.unlock(0);
        CHECK(engine.rpc("core.locks").find("cpp.cpp:") != std::string::npos);
        set.unlock(1);
    }
    high.lock();
    try {
        low.lock();
        CHECK(!"against the order");
    } catch (const looseroute::Error &error) {
        CHECK(error.status() == LR_STATE && std::strstr(error.what(), "lock order") != nullptr);
    }
    high.unlock();
    CHECK(engine.watchdog() == 0);
}

} // namespace

int main()
{
    CHECK(looseroute::version() == lr_version());
    a_request_goes_through_lambdas();
    exceptions_stay_inside();
    errors_are_thrown_with_their_detail();
    continuations_are_freed_when_the_route_ends_early();
    locks_are_released_and_tell_mistakes();
    std::puts("ok");
}
