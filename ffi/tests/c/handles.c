/* Handles that name nothing any more, two engines in one process, and addresses in use. */
#include "check.h"

static lr_call kept;
static lr_message message;

static lr_status keep(lr_engine *engine, lr_call call, void *user)
{
    lr_str text;
    (void)user;
    kept = call;
    OK(lr_call_retain(call, &message, &error));
    OK(lr_call_method(call, &text, &error));
    TEXT_IS(text, "OPTIONS");
    /* What would wait for this very callback is refused. */
    IS(LR_WRONG_THREAD, lr_engine_process(engine, 0, &error));
    DETAIL("callback");
    IS(LR_WRONG_THREAD, lr_engine_run(engine, &error));
    IS(LR_WRONG_THREAD, lr_engine_start(engine, 1, &error));
    IS(LR_WRONG_THREAD, lr_engine_shutdown(engine, 0, &error));
    IS(LR_WRONG_THREAD, lr_engine_free(engine));
    /* What does not wait works. */
    char *json;
    OK(lr_engine_rpc(engine, "core.version", NULL, &json, &error));
    CHECK(json[0] == '"' || json[0] == '{');
    OK(lr_string_free(json));
    return lr_call_reply(call, 200, NULL, NULL, NULL, &error);
}

static void never(lr_call call, lr_status status, int64_t value, void *user)
{
    (void)call, (void)status, (void)value, (void)user;
    CHECK(!"called");
}

static void log_nothing(lr_log_level level, const char *module, const char *text, void *user)
{
    (void)level, (void)module, (void)text, (void)user;
}

static void stale_calls(lr_call call)
{
    lr_str text;
    uint64_t token = 5;
    IS(LR_GONE, lr_call_method(call, &text, &error));
    DETAIL("ended");
    IS(LR_GONE, lr_call_reply(call, 200, NULL, NULL, NULL, &error));
    IS(LR_GONE, lr_call_relay(call, NULL, NULL, &error));
    IS(LR_GONE, lr_call_append_header(call, "X-A", "v", &error));
    IS(LR_GONE, lr_call_pending(call, 5, never, NULL, &token, &error));
    IS(LR_GONE, lr_call_retain(call, &message, &error));
    CHECK(!lr_call_is(call, "OPTIONS") && token == 5);
}

static void calls_and_messages_end(void)
{
    lr_engine *engine = sansio_engine(keep, NULL);
    lr_message mine;
    lr_str text;
    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "a"));
    sent(engine, "SIP/2.0 200 OK");
    mine = message;
    stale_calls(kept);
    stale_calls(0);
    stale_calls(~(uint64_t)0);
    stale_calls(mine); /* alive, but no call */
    OK(lr_engine_free(engine));

    /* A message outlives its engine, and is freed once. */
    OK(lr_message_method(mine, &text, &error));
    TEXT_IS(text, "OPTIONS");
    OK(lr_message_header(mine, "x-twice", 1, &text, &error));
    TEXT_IS(text, "two");
    IS(LR_NOT_FOUND, lr_message_header(mine, "X-Twice", 2, &text, &error));
    TEXT_IS(text, "two");
    OK(lr_message_body(mine, &text, &error));
    TEXT_IS(text, "body");
    IS(LR_GONE, lr_config_free(mine));
    OK(lr_message_free(mine));
    IS(LR_GONE, lr_message_free(mine));
    IS(LR_GONE, lr_message_body(mine, &text, &error));
}

static void a_freed_engine_is_gone(lr_engine *engine)
{
    lr_time now = at(0);
    lr_output output;
    lr_address address = {LR_UDP, 5060, "10.0.0.1"};
    uint64_t number;
    size_t count;
    char *json;
    int fd;
    IS(LR_GONE, lr_engine_free(engine));
    IS(LR_GONE, lr_engine_stop(engine, &error));
    DETAIL("freed");
    IS(LR_GONE, lr_engine_shutdown(engine, 0, &error));
    IS(LR_GONE, lr_engine_modparam_int(engine, "tm", "fr_timer", 1, &error));
    IS(LR_GONE, lr_engine_rpc(engine, "core.version", NULL, &json, &error));
    IS(LR_GONE, lr_engine_statistic(engine, "core", "bad_msg", &number, &error));
    IS(LR_GONE, lr_engine_listener_count(engine, &count, &error));
    IS(LR_GONE, lr_engine_listener(engine, 0, &address, &error));
    IS(LR_GONE, lr_engine_resume(engine, 1, 1, &error));
    IS(LR_GONE, lr_engine_fd(engine, &fd, &error));
    IS(LR_GONE, lr_engine_next_timeout_ms(engine, &fd, &error));
    IS(LR_GONE, lr_engine_process(engine, 0, &error));
    IS(LR_GONE, lr_engine_run(engine, &error));
    IS(LR_GONE, lr_engine_start(engine, 1, &error));
    IS(LR_GONE, lr_engine_handle_input(engine, &now, &address, &address, NULL, 0, &error));
    IS(LR_GONE, lr_engine_poll_output(engine, &output, &error));
    IS(LR_GONE, lr_engine_handle_timeout(engine, &now, &error));
    IS(LR_GONE, lr_engine_poll_timeout(engine, &number, &error));
}

static lr_status answer(lr_engine *engine, lr_call call, void *user)
{
    (void)engine;
    return lr_call_reply(call, 200, user, NULL, NULL, &error);
}

static void two_engines_share_nothing(void)
{
    lr_engine *one = sansio_engine(answer, "One"), *two = sansio_engine(answer, "Two");
    CHECK(one != two);
    feed(one, 0, request("OPTIONS", "sip:bob@10.0.0.1", "b"));
    feed(two, 0, request("OPTIONS", "sip:bob@10.0.0.1", "b"));
    sent(two, "SIP/2.0 200 Two");
    sent(one, "SIP/2.0 200 One");
    OK(lr_engine_free(one));
    a_freed_engine_is_gone(one);
    feed(two, 10, request("OPTIONS", "sip:bob@10.0.0.1", "c"));
    sent(two, "SIP/2.0 200 Two");
    /* The slot is used again, under another key. */
    lr_engine *three = sansio_engine(answer, "Three");
    CHECK(three != one);
    a_freed_engine_is_gone(one);
    OK(lr_engine_free(two));
    OK(lr_engine_free(three));
    a_freed_engine_is_gone((lr_engine *)(uintptr_t)0x123456);
}

static void addresses_in_use_are_named(void)
{
    lr_config config;
    lr_engine *one, *two = NULL;
    lr_address address;
    char text[128];
    OK(lr_config_new(&config, &error));
    OK(lr_config_route(config, answer, "One", &error));
    IS(LR_STATE, lr_engine_new(config, &two, &error));
    DETAIL("listen");
    OK(lr_config_listen(config, "udp:127.0.0.1:0", &error));
    OK(lr_engine_new(config, &one, &error));
    OK(lr_engine_listener(one, 0, &address, &error));
    IS(LR_NOT_FOUND, lr_engine_listener(one, 1, &address, &error));
    CHECK(address.port != 0 && strcmp(address.host, "127.0.0.1") == 0);
    OK(lr_config_free(config));

    OK(lr_config_new(&config, &error));
    OK(lr_config_route(config, answer, "Two", &error));
    snprintf(text, sizeof text, "udp:127.0.0.1:%u", (unsigned)address.port);
    OK(lr_config_listen(config, text, &error));
    IS(LR_IN_USE, lr_engine_new(config, &two, &error));
    DETAIL(text);
    DETAIL("in use");
    CHECK(two == NULL);
    OK(lr_engine_free(one));
    /* The same configuration, now that the address is free. */
    OK(lr_engine_new(config, &two, &error));
    OK(lr_engine_free(two));
    OK(lr_config_free(config));
}

static void mistakes_are_told(void)
{
    lr_config config, gone;
    lr_engine *engine = NULL;
    OK(lr_config_new(&gone, &error));
    OK(lr_config_free(gone));
    IS(LR_GONE, lr_config_free(gone));
    IS(LR_GONE, lr_config_listen(gone, HERE, &error));
    IS(LR_GONE, lr_engine_new(gone, &engine, &error));
    OK(lr_config_new(&config, &error));
    CHECK(config != gone);
    OK(lr_config_listen(config, "udp:127.0.0.1:0", &error));
    IS(LR_STATE, lr_engine_new(config, &engine, &error));
    DETAIL("route");
    OK(lr_config_route(config, answer, NULL, &error));
    OK(lr_config_modparam_int(config, "tm", "fr_timr", 1, &error));
    IS(LR_NOT_FOUND, lr_engine_new(config, &engine, &error));
    DETAIL("did you mean `fr_timer`?");
    IS(LR_INVALID_ARGUMENT, lr_config_account_text(config, "alice secret", &error));
    DETAIL("user:password@domain");
    IS(LR_INVALID_ARGUMENT, lr_config_log(config, (lr_log_level)17, log_nothing, NULL, &error));
    IS(LR_INVALID_ARGUMENT, lr_config_max_workers(config, 0, &error));
    IS(LR_INVALID_ARGUMENT, lr_config_server_header(config, "a\r\nb", &error));
    IS(LR_INVALID_ARGUMENT, lr_config_domain(config, "\xff\xfe", &error));
    DETAIL("UTF-8");
    OK(lr_config_free(config));
    OK(lr_config_new(&config, &error));
    OK(lr_config_route(config, answer, NULL, &error));
    OK(lr_config_listen(config, "udp:127.0.0.1:banana", &error));
    IS(LR_INVALID_ARGUMENT, lr_engine_new(config, &engine, &error));
    DETAIL("banana");
    OK(lr_config_free(config));
    CHECK(engine == NULL);
}

int main(void)
{
    CHECK(lr_abi() == LR_ABI);
    CHECK(strlen(lr_version()) >= 5);
    calls_and_messages_end();
    two_engines_share_nothing();
    addresses_in_use_are_named();
    mistakes_are_told();
    puts("ok");
    return 0;
}
