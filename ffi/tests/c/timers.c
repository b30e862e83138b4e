/* Timers of the program's own, and the watchdog's look, on an engine that is told the time and on
 * one with threads. */
#include "check.h"
#include <pthread.h>
#include <semaphore.h>

static lr_timer own;
static sem_t begun, go_on;

static lr_status route(lr_engine *engine, lr_call call, void *user)
{
    (void)engine, (void)user;
    return lr_call_reply(call, 200, NULL, NULL, NULL, NULL);
}

static void pass(lr_engine *engine, uint64_t ms)
{
    lr_time now = at(ms);
    /* Once for the letter, once for the time. */
    OK(lr_engine_handle_timeout(engine, &now, &error));
    OK(lr_engine_handle_timeout(engine, &now, &error));
}

static void count(lr_engine *engine, void *user)
{
    char *json;
    CHECK(engine != NULL);
    ++*(int *)user;
    /* Driving it from within would wait for itself; asking does not. */
    IS(LR_WRONG_THREAD, lr_engine_process(engine, 0, &error));
    OK(lr_engine_rpc(engine, "core.version", NULL, &json, &error));
    OK(lr_string_free(json));
}

static void cancel_own(lr_engine *engine, void *user)
{
    if (++*(int *)user == 2)
        OK(lr_timer_cancel(engine, own, &error));
}

static void never(lr_engine *engine, void *user)
{
    (void)engine, (void)user;
    CHECK(!"called");
}

static void once_and_again(void)
{
    lr_engine *engine = sansio_engine(route, NULL);
    int once = 0, again = 0, twice = 0;
    lr_timer first = 0, second = 0, third = 0;
    uint64_t started;
    pass(engine, 0);
    OK(lr_timer_start(engine, 100, false, count, &once, &first, &error));
    OK(lr_timer_start(engine, 50, true, count, &again, &second, &error));
    OK(lr_timer_start(engine, 20, true, cancel_own, &twice, &own, &error));
    OK(lr_timer_start(engine, 60, false, never, NULL, &third, &error));
    OK(lr_timer_start(engine, 100000, false, never, NULL, NULL, NULL));
    CHECK(first != 0 && second != first && third != second);
    OK(lr_timer_cancel(engine, third, &error));
    IS(LR_GONE, lr_timer_cancel(engine, third, &error));
    for (uint64_t ms = 1; ms <= 330; ms++)
        pass(engine, ms);
    CHECK(once == 1 && again == 6 && twice == 2);
    IS(LR_GONE, lr_timer_cancel(engine, first, &error));
    DETAIL("called or cancelled before");
    OK(lr_engine_statistic(engine, "core", "host_timers", &started, &error));
    CHECK(started == 2);
    OK(lr_timer_cancel(engine, second, &error));
    pass(engine, 1000);
    CHECK(again == 6);

    OK(lr_engine_modparam_int(engine, "async", "max_timers", 1, &error));
    IS(LR_LIMIT, lr_timer_start(engine, 1, false, never, NULL, NULL, &error));
    DETAIL("max_timers");
    IS(LR_NULL, lr_timer_start(NULL, 1, false, never, NULL, NULL, &error));
    IS(LR_NULL, lr_timer_start(engine, 1, false, NULL, NULL, NULL, &error));
    IS(LR_NULL, lr_timer_cancel(NULL, first, &error));
    IS(LR_GONE, lr_timer_cancel(engine, 0, &error));
    OK(lr_engine_free(engine));
    IS(LR_GONE, lr_timer_start(engine, 1, false, never, NULL, NULL, &error));
    IS(LR_GONE, lr_timer_cancel(engine, first, &error));
}

static void stand(lr_engine *engine, void *user)
{
    (void)engine, (void)user;
    sem_post(&begun);
    sem_wait(&go_on);
}

static void a_callback_that_runs_is_told(void)
{
    lr_config config;
    lr_engine *engine;
    lr_timer timer;
    OK(lr_config_new(&config, &error));
    OK(lr_config_listen(config, "udp:127.0.0.1:0", &error));
    OK(lr_config_route(config, route, NULL, &error));
    OK(lr_engine_new(config, &engine, &error));
    OK(lr_config_free(config));
    OK(lr_engine_start(engine, 1, &error));
    OK(lr_timer_start(engine, 1, true, stand, NULL, &timer, &error));
    CHECK(sem_wait(&begun) == 0);
    IS(LR_WOULD_BLOCK, lr_timer_cancel(engine, timer, &error));
    DETAIL("at this moment");
    IS(LR_GONE, lr_timer_cancel(engine, timer, &error));
    sem_post(&go_on);
    OK(lr_engine_free(engine));
}

static int told;

static void observe(const lr_event *event, void *user)
{
    (void)user;
    if (!lr_event_is(event, "core:lock-stuck"))
        return;
    told++;
    CHECK(lr_event_int(event, "held_ms") == 5000);
    CHECK(lr_str_is(lr_event_text(event, "lock"), "stuck"));
    CHECK(strstr(lr_event_text(event, "site").ptr, "timers.c:") != NULL);
}

static void the_watchdog_names_a_stuck_lock(void)
{
    lr_config config;
    lr_engine *engine;
    lr_lock lock;
    lr_time now;
    size_t stuck = 7;
    OK(lr_config_new(&config, &error));
    OK(lr_config_listen(config, HERE, &error));
    OK(lr_config_without_sockets(config, &error));
    OK(lr_config_route(config, route, NULL, &error));
    OK(lr_config_event(config, observe, NULL, &error));
    OK(lr_engine_new(config, &engine, &error));
    OK(lr_config_free(config));
    pass(engine, 0);
    OK(lr_lock_alloc(engine, &lock, &error));
    OK(lr_lock_init(lock, "stuck", 0, &error));
    OK(lr_lock_get(lock, LR_HERE, &error));
    OK(lr_engine_watchdog(engine, NULL, &stuck, &error));
    CHECK(stuck == 0 && told == 0);
    /* The worker is not late: it turns at that time. */
    pass(engine, 5000);
    now = at(5000);
    OK(lr_engine_watchdog(engine, &now, &stuck, &error));
    CHECK(stuck == 1 && told == 1);
    OK(lr_engine_watchdog(engine, &now, &stuck, &error));
    CHECK(stuck == 1 && told == 1);
    OK(lr_lock_release(lock, &error));
    OK(lr_engine_watchdog(engine, &now, &stuck, &error));
    CHECK(stuck == 0);
    IS(LR_NULL, lr_engine_watchdog(engine, &now, NULL, &error));
    IS(LR_NULL, lr_engine_watchdog(NULL, &now, &stuck, &error));
    OK(lr_lock_dealloc(lock, &error));
    OK(lr_engine_free(engine));
    IS(LR_GONE, lr_engine_watchdog(engine, &now, &stuck, &error));
}

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
    once_and_again();
    a_callback_that_runs_is_told();
    the_watchdog_names_a_stuck_lock();
    puts("ok");
    return 0;
}
