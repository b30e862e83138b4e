/* NULL for every pointer argument of every function, where it is allowed and where it is not. */
#include "check.h"

#define NULLED(call) \
    do { \
        memset(&error, 0, sizeof error); \
        IS(LR_NULL, call); \
        CHECK(error.status == LR_NULL); \
        DETAIL("is NULL"); \
    } while (0)

static int routed;

static void never(lr_call call, lr_status status, int64_t value, const char *detail, void *user)
{
    (void)call, (void)status, (void)value, (void)detail, (void)user;
    CHECK(!"called");
}

static void never_resumed(lr_call call, lr_status status, int64_t value, void *user)
{
    (void)call, (void)status, (void)value, (void)user;
    CHECK(!"called");
}

static void nulled_getters(lr_call call)
{
    lr_str text;
    NULLED(lr_call_method(call, NULL, &error));
    NULLED(lr_call_request_uri(call, NULL, &error));
    NULLED(lr_call_from_uri(call, NULL, &error));
    NULLED(lr_call_to_uri(call, NULL, &error));
    NULLED(lr_call_call_id(call, NULL, &error));
    NULLED(lr_call_body(call, NULL, &error));
    NULLED(lr_call_source(call, NULL, &error));
    NULLED(lr_call_identity(call, NULL, &text, &error));
    NULLED(lr_call_header(call, NULL, 0, &text, &error));
    NULLED(lr_call_header(call, "Via", 0, NULL, &error));
    NULLED(lr_call_retain(call, NULL, &error));
    CHECK(!lr_call_is(call, NULL));
    CHECK(!lr_call_in_dialog(call));
    /* Without a place for the detail the status is the same. */
    IS(LR_NULL, lr_call_method(call, NULL, NULL));
}

static void nulled_edits(lr_call call)
{
    NULLED(lr_call_set_request_uri(call, NULL, &error));
    NULLED(lr_call_set_destination(call, NULL, &error));
    NULLED(lr_call_append_branch(call, NULL, &error));
    NULLED(lr_call_append_header(call, NULL, "v", &error));
    NULLED(lr_call_append_header(call, "X-A", NULL, &error));
    NULLED(lr_call_append_to_reply(call, NULL, "v", &error));
    NULLED(lr_call_append_to_reply(call, "X-A", NULL, &error));
    NULLED(lr_call_remove_headers(call, NULL, NULL, &error));
    OK(lr_call_remove_headers(call, "X-Twice", NULL, &error));
}

static void nulled_actions(lr_call call)
{
    uint64_t token = 77;
    NULLED(lr_call_save(call, NULL, never, NULL, &error));
    NULLED(lr_call_lookup(call, NULL, never, NULL, &error));
    NULLED(lr_call_www_authenticate(call, NULL, never, NULL, &error));
    NULLED(lr_call_proxy_authenticate(call, NULL, never, NULL, &error));
    NULLED(lr_call_function(call, NULL, NULL, 0, never, NULL, &error));
    NULLED(lr_call_function(call, "drop", NULL, 1, never, NULL, &error));
    NULLED(lr_call_pending(call, 10, NULL, NULL, &token, &error));
    NULLED(lr_call_pending(call, 10, never_resumed, NULL, NULL, &error));
    CHECK(token == 77);
}

static lr_status route(lr_engine *engine, lr_call call, void *user)
{
    (void)engine;
    CHECK(user == NULL);
    routed++;
    nulled_getters(call);
    nulled_edits(call);
    nulled_actions(call);
    /* No reason, nobody to tell, no user, no error: all allowed. */
    return lr_call_reply(call, 480, NULL, NULL, NULL, NULL);
}

static void wake_nobody(void *user) { (void)user; }

static void nulled_config(void)
{
    lr_config config;
    NULLED(lr_config_new(NULL, &error));
    OK(lr_config_new(&config, NULL));
    NULLED(lr_config_listen(config, NULL, &error));
    NULLED(lr_config_domain(config, NULL, &error));
    NULLED(lr_config_account(config, NULL, "r", "p", &error));
    NULLED(lr_config_account(config, "u", NULL, "p", &error));
    NULLED(lr_config_account(config, "u", "r", NULL, &error));
    NULLED(lr_config_account_text(config, NULL, &error));
    NULLED(lr_config_modparam_int(config, NULL, "n", 1, &error));
    NULLED(lr_config_modparam_int(config, "m", NULL, 1, &error));
    NULLED(lr_config_modparam_str(config, NULL, "n", "v", &error));
    NULLED(lr_config_modparam_str(config, "m", NULL, "v", &error));
    NULLED(lr_config_modparam_str(config, "m", "n", NULL, &error));
    NULLED(lr_config_location_store(config, NULL, &error));
    NULLED(lr_config_route(config, NULL, NULL, &error));
    NULLED(lr_config_log(config, LR_LOG_INFO, NULL, NULL, &error));
    NULLED(lr_config_event(config, NULL, NULL, &error));
    NULLED(lr_config_control_socket(config, NULL, &error));
    NULLED(lr_config_http_rpc(config, NULL, &error));
    NULLED(lr_config_http_metrics(config, NULL, &error));
    NULLED(lr_config_server_header(config, NULL, &error));
    NULLED(lr_engine_new(config, NULL, &error));
    OK(lr_config_free(config));
}

static void nulled_engine(void)
{
    int fd = 9;
    size_t count = 9;
    uint64_t number = 9;
    char *json = NULL;
    lr_address address;
    lr_output output;
    lr_time now = at(0);
    const uint8_t byte = 0;
    IS(LR_NULL, lr_engine_free(NULL));
    NULLED(lr_engine_stop(NULL, &error));
    NULLED(lr_engine_shutdown(NULL, 0, &error));
    NULLED(lr_engine_modparam_int(NULL, "m", "n", 1, &error));
    NULLED(lr_engine_modparam_str(NULL, "m", "n", "v", &error));
    NULLED(lr_engine_rpc(NULL, "core.version", NULL, &json, &error));
    NULLED(lr_engine_statistic(NULL, "g", "n", &number, &error));
    NULLED(lr_engine_listener_count(NULL, &count, &error));
    NULLED(lr_engine_listener(NULL, 0, &address, &error));
    NULLED(lr_engine_resume(NULL, 1, 1, &error));
    NULLED(lr_engine_set_log_level(NULL, LR_LOG_INFO, &error));
    NULLED(lr_engine_set_wakeup(NULL, wake_nobody, NULL, &error));
    NULLED(lr_engine_fd(NULL, &fd, &error));
    NULLED(lr_engine_next_timeout_ms(NULL, &fd, &error));
    NULLED(lr_engine_process(NULL, 0, &error));
    NULLED(lr_engine_run(NULL, &error));
    NULLED(lr_engine_start(NULL, 1, &error));
    NULLED(lr_engine_handle_input(NULL, &now, &address, &address, &byte, 1, &error));
    NULLED(lr_engine_poll_output(NULL, &output, &error));
    NULLED(lr_engine_handle_timeout(NULL, &now, &error));
    NULLED(lr_engine_poll_timeout(NULL, &number, &error));
    CHECK(fd == 9 && count == 9 && number == 9 && json == NULL);
}

static void nulled_arguments(lr_engine *engine)
{
    lr_address from, to;
    lr_time now = at(0);
    const uint8_t byte = 0;
    uint64_t number;
    char *json;
    OK(lr_address_parse(PEER, &from, NULL));
    OK(lr_address_parse(HERE, &to, NULL));
    NULLED(lr_engine_modparam_int(engine, NULL, "n", 1, &error));
    NULLED(lr_engine_modparam_int(engine, "m", NULL, 1, &error));
    NULLED(lr_engine_modparam_str(engine, NULL, "n", "v", &error));
    NULLED(lr_engine_modparam_str(engine, "m", NULL, "v", &error));
    NULLED(lr_engine_modparam_str(engine, "m", "n", NULL, &error));
    NULLED(lr_engine_rpc(engine, NULL, NULL, &json, &error));
    NULLED(lr_engine_rpc(engine, "core.version", NULL, NULL, &error));
    NULLED(lr_engine_statistic(engine, NULL, "n", &number, &error));
    NULLED(lr_engine_statistic(engine, "g", NULL, &number, &error));
    NULLED(lr_engine_statistic(engine, "g", "n", NULL, &error));
    NULLED(lr_engine_listener_count(engine, NULL, &error));
    NULLED(lr_engine_listener(engine, 0, NULL, &error));
    NULLED(lr_engine_set_wakeup(engine, NULL, NULL, &error));
    NULLED(lr_engine_fd(engine, NULL, &error));
    NULLED(lr_engine_next_timeout_ms(engine, NULL, &error));
    NULLED(lr_engine_handle_input(engine, NULL, &from, &to, &byte, 1, &error));
    NULLED(lr_engine_handle_input(engine, &now, NULL, &to, &byte, 1, &error));
    NULLED(lr_engine_handle_input(engine, &now, &from, NULL, &byte, 1, &error));
    NULLED(lr_engine_handle_input(engine, &now, &from, &to, NULL, 1, &error));
    OK(lr_engine_handle_input(engine, &now, &from, &to, NULL, 0, &error));
    NULLED(lr_engine_poll_output(engine, NULL, &error));
    NULLED(lr_engine_handle_timeout(engine, NULL, &error));
    NULLED(lr_engine_poll_timeout(engine, NULL, &error));
    IS(LR_INVALID_ARGUMENT,
       lr_engine_handle_input(engine, &now, &from, &to, &byte, (size_t)-1, &error));
}

static void nulled_locks(lr_engine *engine)
{
    lr_lock lock = 0;
    lr_lock_set set = 0;
    NULLED(lr_lock_alloc(NULL, &lock, &error));
    NULLED(lr_lock_alloc(engine, NULL, &error));
    NULLED(lr_lock_set_alloc(NULL, 2, &set, &error));
    NULLED(lr_lock_set_alloc(engine, 2, NULL, &error));
    CHECK(lock == 0 && set == 0);
    OK(lr_lock_alloc(engine, &lock, NULL));
    OK(lr_lock_set_alloc(engine, 2, &set, NULL));
    NULLED(lr_lock_init(lock, NULL, 0, &error));
    NULLED(lr_lock_set_init(set, NULL, 0, &error));
    OK(lr_lock_init(lock, "l", 0, NULL));
    OK(lr_lock_set_init(set, "s", 1, NULL));
    /* No place and no detail: all allowed. */
    OK(lr_lock_get(lock, NULL, NULL));
    IS(LR_WOULD_BLOCK, lr_lock_try(lock, NULL, NULL));
    OK(lr_lock_set_get(set, 0, NULL, NULL));
    OK(lr_lock_set_try(set, 1, NULL, NULL));
    OK(lr_lock_set_release(set, 1, NULL));
    OK(lr_lock_set_release(set, 0, NULL));
    OK(lr_lock_release(lock, NULL));
    OK(lr_lock_destroy(lock, NULL));
    OK(lr_lock_set_destroy(set, NULL));
    OK(lr_lock_dealloc(lock, NULL));
    OK(lr_lock_set_dealloc(set, NULL));
}

static void tick(lr_engine *engine, void *user) { (void)engine, (void)user; }

static void nulled_timers(lr_engine *engine)
{
    size_t stuck = 9;
    lr_timer timer = 9;
    NULLED(lr_timer_start(NULL, 1, false, tick, NULL, &timer, &error));
    NULLED(lr_timer_start(engine, 1, false, NULL, NULL, &timer, &error));
    NULLED(lr_timer_cancel(NULL, 1, &error));
    NULLED(lr_engine_watchdog(NULL, NULL, &stuck, &error));
    NULLED(lr_engine_watchdog(engine, NULL, NULL, &error));
    CHECK(stuck == 9 && timer == 9);
    OK(lr_timer_start(engine, 100000, false, tick, NULL, NULL, NULL));
}

static void nulled_rest(void)
{
    lr_str none = {NULL, 5}, empty = {"", 0};
    lr_uri uri;
    lr_address address;
    lr_event event = {{"n", 1}, NULL, 0};
    NULLED(lr_address_parse(NULL, &address, &error));
    NULLED(lr_address_parse(HERE, NULL, &error));
    NULLED(lr_uri_parse(none, &uri, &error));
    NULLED(lr_uri_parse(empty, NULL, &error));
    CHECK(lr_uri_user(none).len == 0);
    CHECK(lr_str_equal(none, empty) && !lr_str_is(empty, NULL));
    IS(LR_NULL, lr_string_free(NULL));
    CHECK(lr_text(NULL).kind == LR_VALUE_NONE);
    CHECK(!lr_event_is(NULL, "n") && !lr_event_is(&event, NULL) && lr_event_is(&event, "n"));
    CHECK(lr_event_text(NULL, "n").len == 0 && lr_event_text(&event, NULL).len == 0);
    CHECK(lr_event_int(NULL, "n") == 0 && lr_event_int(&event, NULL) == 0);
    NULLED(lr_message_bytes(0, NULL, &error));
    NULLED(lr_message_method(0, NULL, &error));
    NULLED(lr_message_request_uri(0, NULL, &error));
    NULLED(lr_message_header(0, NULL, 0, &empty, &error));
    NULLED(lr_message_header(0, "Via", 0, NULL, &error));
    NULLED(lr_message_from_uri(0, NULL, &error));
    NULLED(lr_message_to_uri(0, NULL, &error));
    NULLED(lr_message_call_id(0, NULL, &error));
    NULLED(lr_message_body(0, NULL, &error));
}

int main(void)
{
    lr_engine *engine;
    nulled_config();
    nulled_engine();
    nulled_rest();
    engine = sansio_engine(route, NULL);
    nulled_arguments(engine);
    nulled_locks(engine);
    nulled_timers(engine);
    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "a"));
    CHECK(routed == 1);
    sent(engine, "SIP/2.0 480 ");
    nothing_sent(engine);
    OK(lr_engine_free(engine));
    puts("ok");
    return 0;
}
