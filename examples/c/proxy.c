/*
 * A SIP registrar and proxy: phones register with digest authentication and call each other by
 * their addresses of record; location.db keeps them. One line is printed for every event.
 *
 *   proxy udp:127.0.0.1:5060 tcp:127.0.0.1:5060 alice:secret-a@127.0.0.1 bob:secret-b@127.0.0.1
 */
#define _POSIX_C_SOURCE 200809L
#include <looseroute.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define END NULL, NULL, NULL /* nobody to tell; a failure ends the route and is answered */
enum { NOT_ITS_NAME = -8 };  /* what auth_check answers to who proves to be somebody else */

static const char *realm = "127.0.0.1";

static void found(lr_call call, lr_status status, int64_t yes, const char *why, void *user)
{
    (void)why, (void)user;
    if (status == LR_OK && yes)
        lr_call_relay(call, END);
    else if (!lr_call_is(call, "ACK"))
        lr_call_reply(call, status == LR_OK ? 404 : (uint32_t)yes, NULL, END);
}

static void is_ours(lr_call call, lr_status status, int64_t yes, const char *why, void *user)
{
    (void)why, (void)user;
    if (status == LR_OK && !yes)
        lr_call_relay(call, END);
    else
        lr_call_lookup(call, "location", found, NULL, NULL);
}

static void checked(lr_call call, lr_status status, int64_t result, const char *why, void *user)
{
    const lr_value challenge[] = {lr_text(realm), lr_int(1)};
    (void)why, (void)user;
    if (status != LR_OK)
        lr_call_reply(call, (uint32_t)result, NULL, END);
    else if (result == NOT_ITS_NAME)
        lr_call_reply(call, 403, "Not Your Address", END);
    else if (result < 1)
        lr_call_function(call, "auth_challenge", challenge, 2, END);
    else if (lr_call_is(call, "REGISTER"))
        lr_call_save(call, "location", END);
    else {
        lr_call_function(call, "consume_credentials", NULL, 0, END);
        lr_call_record_route(call, END);
        lr_call_is_myself(call, is_ours, NULL, NULL);
    }
}

/* Every request enters here; what it asks for is performed in order once it has returned. */
static lr_status route(lr_engine *engine, lr_call call, void *user)
{
    const lr_value check[] = {lr_text(realm), lr_text("subscriber"), lr_int(1)};
    lr_str uri = {"", 0};
    (void)engine, (void)user;
    lr_call_request_uri(call, &uri, NULL);
    lr_call_function(call, "t_relay_cancel", NULL, 0, END); /* ends a CANCEL that has its INVITE */
    if (lr_call_is(call, "CANCEL"))
        return lr_call_reply(call, 481, NULL, END);
    if (lr_call_in_dialog(call))
        return lr_call_loose_route(call, found, NULL, NULL);
    if (lr_call_is(call, "OPTIONS") && lr_uri_user(uri).len == 0)
        return lr_call_reply(call, 200, NULL, END);
    if (lr_call_is(call, "ACK"))
        return LR_OK;
    return lr_call_function(call, "auth_check", check, 3, checked, NULL, NULL);
}

/* What strangers wrote must not look like lines of ours, nor speak to the terminal. */
static void print(lr_str text)
{
    for (size_t i = 0; i < text.len; i++)
        putchar((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 127 ? '?' : text.ptr[i]);
}

static void event(const lr_event *e, void *user)
{
    (void)user;
    print(e->name);
    for (const lr_event_field *f = e->fields; f < e->fields + e->count; f++) {
        putchar(' '), print(f->name), putchar('='), print(f->value.text);
        if (f->value.kind == LR_VALUE_INT)
            printf("%lld", (long long)f->value.number);
    }
    puts("");
}

int main(int argc, char **argv)
{
    lr_config config;
    lr_engine *engine;
    lr_address at;
    lr_error error;
    sigset_t ends;
    int signal;

    sigemptyset(&ends), sigaddset(&ends, SIGINT), sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* the engine's threads inherit it */
    setvbuf(stdout, NULL, _IOLBF, 0);
    lr_status status = lr_config_new(&config, &error);
    for (int i = 1; i < argc && status == LR_OK; i++) {
        const char *account = strrchr(argv[i], '@'); /* the rest are addresses to listen on */
        status = account ? lr_config_account_text(config, argv[i], &error)
                         : lr_config_listen(config, argv[i], &error);
        realm = account ? account + 1 : realm;
    }
    if (status || lr_config_domain(config, realm, &error) ||
        lr_config_location_store(config, "sqlite://location.db", &error) ||
        lr_config_modparam_int(config, "registrar", "max_contacts", 100, &error) ||
        lr_config_route(config, route, NULL, &error) ||
        lr_config_event(config, event, NULL, &error) ||
        lr_engine_new(config, &engine, &error) || lr_engine_start(engine, 1, &error))
        return fprintf(stderr, "proxy: %s\n", error.text), 1;
    for (size_t i = 0; lr_engine_listener(engine, i, &at, NULL) == LR_OK; i++)
        printf("listening %s:%s:%d\n", at.proto == LR_UDP ? "udp" : "tcp", at.host, at.port);
    puts("ready");
    sigwait(&ends, &signal);
    lr_engine_shutdown(engine, 5000, NULL);
    lr_engine_free(engine), lr_config_free(config);
    return 0;
}
