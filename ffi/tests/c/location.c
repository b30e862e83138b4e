/* Registrar and lookup from C, with locations in SQLite: save waits for the commit, its on_done
 * comes after the answer is under way and in its place; what was answered is there after a restart.
 *
 *   location DIRECTORY
 */
#include "check.h"
#include <semaphore.h>
#include <time.h>

static sem_t wakeups;
static char order[256];
static int inserted;

static void woken(void *user)
{
    (void)user;
    sem_post(&wakeups);
}

/* Lets the engine take in what its job threads have left, until `order` ends so. */
static void wait_for(lr_engine *engine, uint64_t ms, const char *end)
{
    for (;;) {
        size_t len = strlen(order), wanted = strlen(end);
        struct timespec limit;
        lr_time now = at(ms);
        if (len >= wanted && !strcmp(order + len - wanted, end))
            return;
        clock_gettime(CLOCK_REALTIME, &limit);
        limit.tv_sec += 30;
        CHECK(sem_timedwait(&wakeups, &limit) == 0);
        OK(lr_engine_handle_timeout(engine, &now, &error));
    }
}

static void done(lr_call call, lr_status status, int64_t value, const char *detail, void *user)
{
    lr_str uri;
    if (status != LR_OK)
        fprintf(stderr, "%s: %s\n", (const char *)user, detail);
    CHECK(status == LR_OK);
    strcat(order, user);
    if (!strcmp(user, "found ")) {
        CHECK(value == 1);
        OK(lr_call_request_uri(call, &uri, &error));
        TEXT_IS(uri, "sip:bob@10.0.0.9:5080");
        OK(lr_call_relay(call, done, "relayed ", &error));
    } else if (!strcmp(user, "missed ")) {
        CHECK(value == 0);
        OK(lr_call_reply(call, 404, NULL, done, "refused ", &error));
    } else {
        CHECK(value == 1);
    }
}

static lr_status route(lr_engine *engine, lr_call call, void *user)
{
    (void)engine, (void)user;
    strcat(order, "route ");
    if (lr_call_is(call, "REGISTER")) {
        OK(lr_call_is_myself(call, done, "ours ", &error));
        OK(lr_call_save(call, "location", done, "saved ", &error));
        OK(lr_call_is_myself(call, done, "after ", &error));
        CHECK(strcmp(order + strlen(order) - 6, "route ") == 0); /* nothing is done yet */
        return LR_OK;
    }
    return lr_call_lookup(call, "location", done,
                          lr_call_is(call, "MESSAGE") ? "found " : "missed ", &error);
}

static void events(const lr_event *event, void *user)
{
    (void)user;
    if (lr_event_is(event, "usrloc:contact-inserted")) {
        TEXT_IS(lr_event_text(event, "contact"), "sip:bob@10.0.0.9:5080");
        inserted++;
    }
}

static lr_engine *begin(const char *directory)
{
    lr_config config;
    lr_engine *engine;
    char url[1024];
    snprintf(url, sizeof url, "sqlite://%s/location.db", directory);
    OK(lr_config_new(&config, &error));
    OK(lr_config_listen(config, HERE, &error));
    OK(lr_config_domain(config, "10.0.0.1", &error));
    OK(lr_config_without_sockets(config, &error));
    OK(lr_config_location_store(config, url, &error));
    OK(lr_config_route(config, route, NULL, &error));
    OK(lr_config_event(config, events, NULL, &error));
    OK(lr_engine_new(config, &engine, &error));
    OK(lr_config_free(config));
    OK(lr_engine_set_wakeup(engine, woken, NULL, &error));
    order[0] = '\0';
    return engine;
}

static const char register_bob[] = "REGISTER sip:10.0.0.1 SIP/2.0\n"
                                   "Via: SIP/2.0/UDP 10.0.0.2:5062;branch=z9hG4bKr;rport\n"
                                   "Max-Forwards: 70\n"
                                   "From: <sip:bob@10.0.0.1>;tag=1\n"
                                   "To: <sip:bob@10.0.0.1>\n"
                                   "Call-ID: r\n"
                                   "CSeq: 1 REGISTER\n"
                                   "Contact: <sip:bob@10.0.0.9:5080>\n"
                                   "Expires: 600\n"
                                   "Content-Length: 0\n\n";

int main(int argc, char **argv)
{
    lr_engine *engine;
    const char *text;
    CHECK(argc == 2 && sem_init(&wakeups, 0, 0) == 0);

    engine = begin(argv[1]);
    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "a"));
    CHECK(!strcmp(order, "route missed refused "));
    sent(engine, "SIP/2.0 404 ");
    order[0] = '\0';
    feed(engine, 100, register_bob);
    CHECK(!strcmp(order, "route ours ")); /* the commit is waited for */
    nothing_sent(engine);
    wait_for(engine, 110, "after ");
    CHECK(!strcmp(order, "route ours saved after "));
    text = sent(engine, "SIP/2.0 200 OK");
    CHECK(strstr(text, "sip:bob@10.0.0.9:5080") != NULL);
    CHECK(inserted == 1);
    order[0] = '\0';
    feed(engine, 200, request("MESSAGE", "sip:bob@10.0.0.1", "b"));
    CHECK(!strcmp(order, "route found relayed "));
    sent(engine, "MESSAGE sip:bob@10.0.0.9:5080 SIP/2.0\r\n");
    OK(lr_engine_free(engine));

    engine = begin(argv[1]);
    feed(engine, 1000, request("MESSAGE", "sip:bob@10.0.0.1", "c"));
    CHECK(!strcmp(order, "route found relayed "));
    sent(engine, "MESSAGE sip:bob@10.0.0.9:5080 SIP/2.0\r\n");
    OK(lr_engine_free(engine));
    puts("ok");
    return 0;
}
