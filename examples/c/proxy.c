/*
 * A SIP registrar and proxy: phones register with digest authentication and call each other by
 * their addresses of record; locations are in SQLite. One line is printed for every event.
 *
 *   proxy --listen udp:127.0.0.1:5060 --domain 127.0.0.1 --data ./var --account alice:pw@127.0.0.1
 */
#define _POSIX_C_SOURCE 200809L
#include <looseroute.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *domain = "127.0.0.1";
static lr_error error;

/* Where a request goes on when the action it waited for is done. */
enum step { HOPS, CANCELLING, REGISTERING, FOLLOWED, CALLING, MINE, FOUND };
static void next(lr_call call, lr_status status, int64_t yes, const char *detail, void *step);
#define THEN(step) next, (void *)(intptr_t)(step), NULL
#define END NULL, NULL, NULL

/* Every request enters here, possibly on several workers at once. */
static lr_status route(lr_engine *engine, lr_call call, void *user)
{
    (void)engine, (void)user;
    return lr_call_max_forwards(call, 70, THEN(HOPS));
}

static void next(lr_call call, lr_status status, int64_t yes, const char *detail, void *step)
{
    lr_str uri = {"", 0}, proved = {"", 0};
    if (status != LR_OK) {
        fprintf(stderr, "proxy: %s\n", detail);
        lr_call_reply(call, (uint32_t)yes, NULL, END); /* the code it deserves */
        return;
    }
    switch ((enum step)(intptr_t)step) {
    case HOPS: /* no: too many, and the answer was sent */
        lr_call_request_uri(call, &uri, NULL);
        if (yes && lr_call_is(call, "REGISTER"))
            lr_call_www_authenticate(call, domain, THEN(REGISTERING));
        else if (yes && lr_call_is(call, "CANCEL"))
            lr_call_function(call, "t_lookup_cancel", NULL, 0, THEN(CANCELLING));
        else if (yes && lr_call_in_dialog(call))
            lr_call_loose_route(call, THEN(FOLLOWED));
        else if (yes && lr_call_is(call, "OPTIONS") && lr_uri_user(uri).len == 0)
            lr_call_reply(call, 200, NULL, END);
        else if (yes && !lr_call_is(call, "ACK"))
            lr_call_proxy_authenticate(call, domain, THEN(CALLING));
        return;
    case CANCELLING:
        if (yes > 0)
            lr_call_relay(call, END);
        else
            lr_call_reply(call, 481, NULL, END);
        return;
    case REGISTERING: /* no: the challenge was sent */
        lr_call_to_uri(call, &uri, NULL);
        lr_call_identity(call, &proved, NULL, NULL);
        if (yes && lr_str_equal(lr_uri_user(uri), proved))
            lr_call_save(call, "location", END);
        else if (yes)
            lr_call_reply(call, 403, "Not Your Address", END);
        return;
    case FOLLOWED:
        if (yes)
            lr_call_relay(call, END);
        else if (!lr_call_is(call, "ACK"))
            lr_call_reply(call, 404, "Not Here", END);
        return;
    case CALLING: /* no: the challenge was sent */
        lr_call_from_uri(call, &uri, NULL);
        lr_call_identity(call, &proved, NULL, NULL);
        if (yes && lr_str_equal(lr_uri_user(uri), proved))
            lr_call_is_myself(call, THEN(MINE));
        else if (yes)
            lr_call_reply(call, 403, "Not Your Address", END);
        return;
    case MINE:
        lr_call_function(call, "consume_credentials", NULL, 0, END);
        lr_call_record_route(call, END);
        if (yes)
            lr_call_lookup(call, "location", THEN(FOUND));
        else
            lr_call_relay(call, END);
        return;
    case FOUND:
        if (yes)
            lr_call_relay(call, END);
        else
            lr_call_reply(call, 404, NULL, END);
    }
}

static void event(const lr_event *e, void *user)
{
    static const char *const lines[][2] = {{"usrloc:contact-inserted", "registered"},
                                           {"usrloc:contact-updated", "refreshed"},
                                           {"usrloc:contact-removed", "unregistered"},
                                           {"usrloc:contact-expired", "expired"}};
    lr_str aor = lr_event_text(e, "aor"), contact = lr_event_text(e, "contact");
    lr_str method = lr_event_text(e, "method"), from = lr_event_text(e, "from");
    lr_str reason = lr_event_text(e, "reason");
    (void)user;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (lr_event_is(e, lines[i][0]))
            printf("%s %.*s -> %.*s\n", lines[i][1], (int)aor.len, aor.ptr, (int)contact.len,
                   contact.ptr);
    if (lr_event_is(e, "sl:local-response") && lr_event_int(e, "code") >= 300)
        printf("rejected %.*s from %.*s: %d %.*s\n", (int)method.len, method.ptr, (int)from.len,
               from.ptr, (int)lr_event_int(e, "code"), (int)reason.len, reason.ptr);
    fflush(stdout);
}

static void must(lr_status status)
{
    if (status == LR_OK)
        return;
    fprintf(stderr, "proxy: %s\n", error.text);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    const char *data = "./var";
    char url[4096];
    lr_config config;
    lr_engine *engine;
    lr_address at;
    sigset_t signals;
    int received;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* the engine's threads inherit it */
    must(lr_config_new(&config, &error));
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--listen"))
            must(lr_config_listen(config, value, &error));
        else if (!strcmp(argv[i], "--domain"))
            must(lr_config_domain(config, domain = value, &error));
        else if (!strcmp(argv[i], "--account"))
            must(lr_config_account_text(config, value, &error));
        else if (!strcmp(argv[i], "--data"))
            data = value;
        else
            return fprintf(stderr, "proxy: unknown argument %s\n", argv[i]), EXIT_FAILURE;
    }
    mkdir(data, 0777); /* a failure shows when the database is opened */
    snprintf(url, sizeof url, "sqlite://%s/location.db", data);
    must(lr_config_location_store(config, url, &error));
    must(lr_config_route(config, route, NULL, &error));
    must(lr_config_event(config, event, NULL, &error));
    must(lr_engine_new(config, &engine, &error));
    lr_config_free(config);
    for (size_t i = 0; lr_engine_listener(engine, i, &at, NULL) == LR_OK; i++)
        printf("listening %s:%s:%d\n", at.proto == LR_UDP ? "udp" : "tcp", at.host, at.port);
    must(lr_engine_start(engine, 1, &error));
    puts("ready");
    fflush(stdout);
    sigwait(&signals, &received);
    lr_engine_shutdown(engine, 5000, NULL);
    lr_engine_free(engine);
    return EXIT_SUCCESS;
}
