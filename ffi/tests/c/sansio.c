/* The engine without sockets: a message in, what the callback sees and changes, a reply out; and
 * actions that are done in the order of asking, after the callback that asked. */
#include "check.h"

static char order[256];
static int in_callback;

static void note(const char *text)
{
    CHECK(strlen(order) + strlen(text) + 2 < sizeof order);
    strcat(order, text);
    strcat(order, " ");
}

/* ---- what a callback sees ---- */

static lr_status look(lr_engine *engine, lr_call call, void *user)
{
    lr_str text = {"before", 6}, other = {"before", 6};
    lr_address source;
    lr_uri uri;
    size_t removed = 99;
    (void)engine;
    CHECK(*(int *)user == 41);
    OK(lr_call_method(call, &text, &error));
    TEXT_IS(text, "MESSAGE");
    CHECK(lr_call_is(call, "MESSAGE") && !lr_call_is(call, "INVITE"));
    CHECK(!lr_call_in_dialog(call));
    OK(lr_call_request_uri(call, &text, &error));
    TEXT_IS(text, "sip:bob@10.0.0.1");
    OK(lr_call_from_uri(call, &other, &error));
    TEXT_IS(other, "sip:alice@10.0.0.1");
    TEXT_IS(text, "sip:bob@10.0.0.1"); /* an older view is good still */
    OK(lr_uri_parse(other, &uri, &error));
    TEXT_IS(uri.user, "alice");
    TEXT_IS(uri.host, "10.0.0.1");
    CHECK(uri.port == 0);
    OK(lr_call_to_uri(call, &text, &error));
    TEXT_IS(lr_uri_user(text), "bob");
    OK(lr_call_call_id(call, &text, &error));
    TEXT_IS(text, "ca");
    OK(lr_call_body(call, &text, &error));
    TEXT_IS(text, "body");
    OK(lr_call_header(call, "x-twice", 1, &text, &error));
    TEXT_IS(text, "two");
    OK(lr_call_header(call, "i", 0, &text, &error)); /* the compact form of Call-ID */
    TEXT_IS(text, "ca");
    IS(LR_NOT_FOUND, lr_call_header(call, "X-Twice", 2, &text, &error));
    DETAIL("X-Twice");
    TEXT_IS(text, "ca"); /* outputs are written on success only */
    IS(LR_NOT_FOUND, lr_call_identity(call, &text, NULL, &error));
    OK(lr_call_source(call, &source, &error));
    CHECK(source.proto == LR_UDP && source.port == 5062 && !strcmp(source.host, "10.0.0.2"));

    OK(lr_call_set_request_uri(call, "sip:carol@10.0.0.3:5070", &error));
    OK(lr_call_request_uri(call, &text, &error));
    TEXT_IS(text, "sip:carol@10.0.0.3:5070");
    IS(LR_INVALID_ARGUMENT, lr_call_set_request_uri(call, "carol at home", &error));
    IS(LR_INVALID_ARGUMENT, lr_call_append_header(call, "X A", "v", &error));
    IS(LR_INVALID_ARGUMENT, lr_call_append_header(call, "X-A", "v\r\nX-B: w", &error));
    IS(LR_INVALID_ARGUMENT, lr_call_reply(call, 99, "Low", NULL, NULL, &error));
    IS(LR_INVALID_ARGUMENT, lr_call_reply(call, 200, "a\r\nb", NULL, NULL, &error));
    OK(lr_call_append_header(call, "X-Added", "by the route", &error));
    OK(lr_call_remove_headers(call, "X-Twice", &removed, &error));
    CHECK(removed == 2);
    return lr_call_relay(call, NULL, NULL, &error);
}

static void a_request_is_seen_changed_and_relayed(void)
{
    int user = 41;
    lr_engine *engine = sansio_engine(look, &user);
    const char *text;
    feed(engine, 0, request("MESSAGE", "sip:bob@10.0.0.1", "a"));
    text = sent(engine, "MESSAGE sip:carol@10.0.0.3:5070 SIP/2.0\r\n");
    CHECK(strstr(text, "\r\nX-Added: by the route\r\n") != NULL);
    CHECK(strstr(text, "X-Twice") == NULL);
    CHECK(strstr(text, "\r\nMax-Forwards: 69\r\n") != NULL);
    CHECK(strstr(text, "\r\n\r\nbody") != NULL);
    nothing_sent(engine);
    OK(lr_engine_free(engine));
}

/* ---- the order of actions ---- */

static void done(lr_call call, lr_status status, int64_t value, const char *detail, void *user)
{
    CHECK(!in_callback); /* never from within the function that asked */
    in_callback = 1;
    if (status == LR_OK)
        CHECK(detail[0] == '\0');
    else
        CHECK(detail[0] != '\0');
    note(user);
    if (!strcmp(user, "hops")) {
        CHECK(status == LR_OK && value == 1);
        OK(lr_call_is_myself(call, done, "third", &error));
    } else if (!strcmp(user, "unknown")) {
        CHECK(status == LR_NOT_FOUND && value == 500);
        CHECK(strstr(detail, "no_such_function") != NULL);
    } else if (!strcmp(user, "argument")) {
        CHECK(status == LR_INVALID_ARGUMENT);
    } else if (!strcmp(user, "third")) {
        CHECK(status == LR_OK && value == 1);
        OK(lr_call_append_to_reply(call, "X-Order", order, &error));
        OK(lr_call_reply(call, 486, "Busy Here", done, "last", &error));
    } else {
        lr_str text;
        CHECK(status == LR_OK && value == 1 && !strcmp(user, "last"));
        OK(lr_call_method(call, &text, &error)); /* alive until the route has ended */
    }
    in_callback = 0;
}

static lr_status ask(lr_engine *engine, lr_call call, void *user)
{
    lr_value arg = lr_text("banana");
    (void)engine, (void)user;
    in_callback = 1;
    OK(lr_call_max_forwards(call, 10, done, "hops", &error));
    OK(lr_call_function(call, "no_such_function", NULL, 0, done, "unknown", &error));
    OK(lr_call_function(call, "maxfwd_process", &arg, 1, done, "argument", &error));
    arg.kind = (lr_value_kind)77;
    IS(LR_INVALID_ARGUMENT, lr_call_function(call, "drop", &arg, 1, done, "never", &error));
    note("route");
    in_callback = 0;
    return LR_OK;
}

static void actions_are_done_in_order(void)
{
    lr_engine *engine = sansio_engine(ask, NULL);
    const char *text;
    order[0] = '\0';
    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "b"));
    CHECK(strcmp(order, "route hops unknown argument third last ") == 0);
    text = sent(engine, "SIP/2.0 486 Busy Here\r\n");
    CHECK(strstr(text, "\r\nX-Order: route hops unknown argument third") != NULL);
    nothing_sent(engine);
    OK(lr_engine_free(engine));
}

/* ---- failures that nobody takes ---- */

static void gone(lr_call call, lr_status status, int64_t value, const char *detail, void *user)
{
    lr_str text;
    CHECK(status == LR_GONE && value == 0 && strstr(detail, "ended") != NULL);
    IS(LR_GONE, lr_call_method(call, &text, &error));
    IS(LR_GONE, lr_call_reply(call, 200, NULL, NULL, NULL, &error));
    ++*(int *)user;
}

static lr_status fail(lr_engine *engine, lr_call call, void *user)
{
    (void)engine;
    OK(lr_call_function(call, "no_such_function", NULL, 0, NULL, NULL, &error));
    OK(lr_call_reply(call, 200, NULL, gone, user, &error));
    OK(lr_call_is_myself(call, gone, user, &error));
    return LR_OK;
}

static lr_status exits(lr_engine *engine, lr_call call, void *user)
{
    (void)engine;
    OK(lr_call_reply(call, 404, "First", NULL, NULL, &error));
    OK(lr_call_function(call, "drop", NULL, 0, gone, user, &error));
    OK(lr_call_reply(call, 200, "Never", gone, user, &error));
    return LR_OK;
}

static lr_status wrong(lr_engine *engine, lr_call call, void *user)
{
    (void)engine;
    OK(lr_call_reply(call, 200, "Never", gone, user, &error));
    return LR_NOT_FOUND;
}

static lr_status silent(lr_engine *engine, lr_call call, void *user)
{
    (void)engine, (void)call, (void)user;
    return LR_PENDING;
}

static void everybody_is_told_of_an_early_end(void)
{
    struct {
        lr_route_cb route;
        const char *answer;
        int told;
    } cases[] = {
        {fail, "SIP/2.0 500 ", 2},
        {exits, "SIP/2.0 404 First", 2},
        {wrong, "SIP/2.0 500 ", 1},
        {silent, "SIP/2.0 500 ", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int told = 0;
        lr_engine *engine = sansio_engine(cases[i].route, &told);
        OK(lr_engine_set_log_level(engine, LR_LOG_CRITICAL, &error));
        feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "c"));
        CHECK(told == cases[i].told);
        sent(engine, cases[i].answer);
        nothing_sent(engine);
        OK(lr_engine_free(engine));
    }
}

static lr_status greedy(lr_engine *engine, lr_call call, void *user)
{
    (void)engine, (void)user;
    for (int i = 0; i < LR_MAX_QUEUED; i++)
        OK(lr_call_is_myself(call, NULL, NULL, &error));
    IS(LR_LIMIT, lr_call_reply(call, 200, NULL, NULL, NULL, &error));
    DETAIL("1024");
    return LR_OK;
}

/* ---- parameters, commands, statistics, events, the log ---- */

static void events(const lr_event *event, void *user)
{
    if (lr_event_is(event, "sl:local-response")) {
        CHECK(lr_event_int(event, "code") == 486);
        TEXT_IS(lr_event_text(event, "reason"), "Busy Here");
        CHECK(lr_event_text(event, "nothing").len == 0);
        ++*(int *)user;
    }
}

static void logs(lr_log_level level, const char *module, const char *text, void *user)
{
    CHECK(level <= LR_LOG_DEBUG && module[0] != '\0' && text[0] != '\0');
    ++*(int *)user;
}

static void an_engine_is_asked_and_told(void)
{
    int seen = 0, logged = 0;
    uint64_t value = 0;
    char *json;
    lr_config config;
    lr_engine *engine;
    OK(lr_config_new(&config, &error));
    OK(lr_config_listen(config, HERE, &error));
    OK(lr_config_domain(config, "10.0.0.1", &error));
    OK(lr_config_without_sockets(config, &error));
    OK(lr_config_modparam_int(config, "tm", "fr_timer", 1234, &error));
    OK(lr_config_route(config, ask, NULL, &error));
    OK(lr_config_event(config, events, &seen, &error));
    OK(lr_config_log(config, LR_LOG_DEBUG, logs, &logged, &error));
    OK(lr_config_server_header(config, "Server: A Test", &error));
    OK(lr_engine_new(config, &engine, &error));
    OK(lr_config_free(config));
    order[0] = '\0';

    OK(lr_engine_rpc(engine, "modparam.getn", "[\"tm\", \"fr_timer\"]", &json, &error));
    CHECK(!strcmp(json, "1234"));
    OK(lr_string_free(json));
    json = NULL;
    IS(LR_NOT_FOUND, lr_engine_rpc(engine, "tm.stat", NULL, &json, &error));
    DETAIL("did you mean tm.stats?");
    IS(LR_INVALID_ARGUMENT, lr_engine_rpc(engine, "tm.stats", "{\"a\":", &json, &error));
    DETAIL("JSON");
    CHECK(json == NULL);
    OK(lr_engine_modparam_int(engine, "tm", "fr_timer", 4321, &error));
    IS(LR_NOT_FOUND, lr_engine_modparam_int(engine, "tm", "fr_timr", 1, &error));
    DETAIL("fr_timer");
    IS(LR_INVALID_ARGUMENT, lr_engine_modparam_str(engine, "tm", "fr_timer", "x", &error));
    IS(LR_NOT_FOUND, lr_engine_statistic(engine, "core", "bananas", &value, &error));

    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "e"));
    CHECK(strstr(sent(engine, "SIP/2.0 486 "), "\r\nServer: A Test\r\n") != NULL);
    CHECK(seen == 1);
    feed(engine, 1, "garbage\n\n");
    OK(lr_engine_statistic(engine, "core", "bad_msg", &value, &error));
    CHECK(value == 1);
    CHECK(logged > 0);
    IS(LR_STATE, lr_engine_start(engine, 1, &error));
    OK(lr_engine_shutdown(engine, 1000, &error));
    IS(LR_STATE, lr_engine_process(engine, 0, &error));
    OK(lr_engine_shutdown(engine, 1000, &error));
    OK(lr_engine_free(engine));
}

static void messages_to_elsewhere_are_refused(void)
{
    lr_engine *engine = sansio_engine(ask, NULL);
    lr_address from, to;
    lr_time now = at(0);
    OK(lr_address_parse(PEER, &from, &error));
    OK(lr_address_parse("tcp:10.0.0.1:5060", &to, &error));
    IS(LR_NOT_FOUND, lr_engine_handle_input(engine, &now, &from, &to, NULL, 0, &error));
    DETAIL("does not listen");
    to.proto = (lr_proto)0;
    IS(LR_INVALID_ARGUMENT, lr_engine_handle_input(engine, &now, &from, &to, NULL, 0, &error));
    IS(LR_INVALID_ARGUMENT, lr_address_parse("udp:10.0.0.1", &to, &error));
    IS(LR_INVALID_ARGUMENT, lr_address_parse("localhost:5060", &to, &error));
    OK(lr_address_parse("[::1]:5060", &to, &error));
    CHECK(to.proto == LR_UDP && !strcmp(to.host, "::1"));
    OK(lr_engine_free(engine));
}

int main(void)
{
    lr_engine *engine;
    a_request_is_seen_changed_and_relayed();
    actions_are_done_in_order();
    everybody_is_told_of_an_early_end();
    engine = sansio_engine(greedy, NULL);
    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "d"));
    nothing_sent(engine);
    OK(lr_engine_free(engine));
    an_engine_is_asked_and_told();
    messages_to_elsewhere_are_refused();
    puts("ok");
    return 0;
}
