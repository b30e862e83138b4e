/* The host's own wait: resumed once, from any thread, or ended by its deadline or by the end. */
#include "check.h"
#include <pthread.h>

enum { CALLS = 4 };

static uint64_t tokens[CALLS];
static lr_call calls[CALLS];
static int waiting, ended;
static lr_status statuses[CALLS];
static int64_t values[CALLS];

static void resumed(lr_call call, lr_status status, int64_t value, void *user)
{
    size_t i = (size_t)(uintptr_t)user;
    CHECK(i < CALLS && statuses[i] == (lr_status)-1);
    statuses[i] = status;
    values[i] = value;
    ended++;
    if (status == LR_OK) {
        lr_str text;
        OK(lr_call_method(call, &text, &error));
        OK(lr_call_reply(call, (uint32_t)value, "Resumed", NULL, NULL, &error));
    } else if (status == LR_TIMEOUT) {
        CHECK(value == 408);
        OK(lr_call_reply(call, (uint32_t)value, "Too Late", NULL, NULL, &error));
    } else if (status == LR_GONE) {
        IS(LR_GONE, lr_call_reply(call, 500, NULL, NULL, NULL, &error));
    } else {
        CHECK(status == LR_SHUTDOWN);
    }
}

static lr_status route(lr_engine *engine, lr_call call, void *user)
{
    size_t i = (size_t)waiting++;
    (void)engine, (void)user;
    CHECK(i < CALLS);
    calls[i] = call;
    IS(LR_INVALID_ARGUMENT,
       lr_call_pending(call, 0, resumed, (void *)(uintptr_t)i, &tokens[i], &error));
    OK(lr_call_pending(call, 5000, resumed, (void *)(uintptr_t)i, &tokens[i], &error));
    CHECK(tokens[i] != 0);
    return LR_PENDING;
}

static lr_engine *begin(void)
{
    waiting = ended = 0;
    for (int i = 0; i < CALLS; i++)
        statuses[i] = (lr_status)-1;
    return sansio_engine(route, NULL);
}

static void pass(lr_engine *engine, uint64_t ms)
{
    lr_time now = at(ms);
    OK(lr_engine_handle_timeout(engine, &now, &error));
}

static void a_wait_is_resumed_once(void)
{
    lr_engine *engine = begin();
    lr_str text;
    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "a"));
    nothing_sent(engine);
    /* The call is alive, but none of its callbacks is running. */
    IS(LR_WRONG_THREAD, lr_call_method(calls[0], &text, &error));
    IS(LR_WRONG_THREAD, lr_call_reply(calls[0], 200, NULL, NULL, NULL, &error));
    feed(engine, 100, request("OPTIONS", "sip:bob@10.0.0.1", "a"));
    CHECK(waiting == 1); /* a retransmission is absorbed */
    OK(lr_engine_resume(engine, tokens[0], 486, &error));
    IS(LR_GONE, lr_engine_resume(engine, tokens[0], 487, &error));
    DETAIL("ended already");
    CHECK(ended == 0); /* told on the worker, not here */
    pass(engine, 200);
    CHECK(ended == 1 && statuses[0] == LR_OK && values[0] == 486);
    sent(engine, "SIP/2.0 486 Resumed");
    nothing_sent(engine);
    IS(LR_GONE, lr_call_method(calls[0], &text, &error));
    IS(LR_GONE, lr_engine_resume(engine, tokens[0], 488, &error));
    IS(LR_GONE, lr_engine_resume(engine, 0, 1, &error));
    IS(LR_GONE, lr_engine_resume(engine, 12345678, 1, &error));
    OK(lr_engine_free(engine));
}

static void a_deadline_ends_a_wait(void)
{
    lr_engine *engine = begin();
    uint64_t when;
    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "b"));
    OK(lr_engine_poll_timeout(engine, &when, &error));
    CHECK(when <= 5000 * (uint64_t)1000000 + 20 * (uint64_t)1000000);
    pass(engine, 4900);
    CHECK(ended == 0);
    pass(engine, 5100);
    CHECK(ended == 1 && statuses[0] == LR_TIMEOUT);
    /* A request that waits for long is told that it was heard (RFC 4320 4.1). */
    sent(engine, "SIP/2.0 100 Trying");
    sent(engine, "SIP/2.0 408 Too Late");
    IS(LR_GONE, lr_engine_resume(engine, tokens[0], 200, &error));
    OK(lr_engine_free(engine));
}

static void the_end_ends_a_wait(void)
{
    lr_engine *engine = begin();
    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "c"));
    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "d"));
    CHECK(waiting == 2 && ended == 0);
    OK(lr_engine_free(engine));
    CHECK(ended == 2);
    CHECK(statuses[0] == LR_SHUTDOWN && statuses[1] == LR_SHUTDOWN);
}

/* ---- a wait among other actions, resumed before the call comes to it ---- */

static int steps;

static void step(lr_call call, lr_status status, int64_t value, const char *detail, void *user)
{
    (void)call, (void)detail;
    CHECK(status == LR_OK && value == 1);
    CHECK(++steps == (int)(intptr_t)user);
}

static void second(lr_call call, lr_status status, int64_t value, void *user)
{
    CHECK(status == LR_OK && value == 7 && user == NULL);
    CHECK(++steps == 2);
    OK(lr_call_reply(call, 200, "In Order", step, (void *)(intptr_t)4, &error));
}

static lr_status early(lr_engine *engine, lr_call call, void *user)
{
    uint64_t token;
    (void)user;
    OK(lr_call_pause(call, 100, step, (void *)(intptr_t)1, &error));
    OK(lr_call_pending(call, 1000, second, NULL, &token, &error));
    OK(lr_call_is_myself(call, step, (void *)(intptr_t)3, &error));
    OK(lr_engine_resume(engine, token, 7, &error));
    return LR_PENDING;
}

static void a_wait_has_its_place_in_the_order(void)
{
    lr_engine *engine = sansio_engine(early, NULL);
    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "e"));
    CHECK(steps == 0);
    pass(engine, 50);
    CHECK(steps == 0);
    pass(engine, 150);
    CHECK(steps == 4);
    sent(engine, "SIP/2.0 200 In Order");
    OK(lr_engine_free(engine));
}

/* ---- from many threads, exactly one wins ---- */

static lr_engine *shared;
static int wakeups;

static void woken(void *user) { __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST); }

static void *resume(void *user)
{
    lr_error own;
    lr_status status = lr_engine_resume(shared, tokens[0], 200, &own);
    if (status == LR_OK)
        __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST);
    else if (status != LR_GONE)
        abort();
    return NULL;
}

static void of_many_resumes_one_succeeds(void)
{
    pthread_t threads[8];
    int won = 0;
    shared = begin();
    OK(lr_engine_set_wakeup(shared, woken, &wakeups, &error));
    feed(shared, 0, request("OPTIONS", "sip:bob@10.0.0.1", "f"));
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], NULL, resume, &won) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(won == 1 && wakeups == 1);
    pass(shared, 10);
    sent(shared, "SIP/2.0 200 Resumed");
    OK(lr_engine_free(shared));
    IS(LR_GONE, lr_engine_resume(shared, tokens[0], 200, &error));
}

int main(void)
{
    a_wait_is_resumed_once();
    a_deadline_ends_a_wait();
    the_end_ends_a_wait();
    a_wait_has_its_place_in_the_order();
    of_many_resumes_one_succeeds();
    puts("ok");
    return 0;
}
