/* Locks of the program's own: threads that exclude each other, every misuse, a worker that does not
 * wait, and the holder in core.locks. */
#include "check.h"
#include <pthread.h>

enum { THREADS = 4, ROUNDS = 2000 };

static int counted[2];
static lr_lock shared_lock;
static lr_lock_set shared_set;
static int routed;

/* Calls `body` on another thread and waits for its end. */
static void elsewhere(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, argument) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static lr_lock new_lock(lr_engine *engine, const char *name, uint32_t level)
{
    lr_lock lock = 0;
    OK(lr_lock_alloc(engine, &lock, &error));
    CHECK(lock != 0);
    OK(lr_lock_init(lock, name, level, &error));
    return lock;
}

static void free_lock(lr_lock lock)
{
    OK(lr_lock_destroy(lock, &error));
    OK(lr_lock_dealloc(lock, &error));
}

static void *count(void *argument)
{
    lr_error own;
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(lr_lock_get(shared_lock, LR_HERE, &own) == LR_OK);
        counted[0]++;
        CHECK(lr_lock_set_get(shared_set, (size_t)i % 3, NULL, &own) == LR_OK);
        counted[1]++;
        CHECK(lr_lock_set_release(shared_set, (size_t)i % 3, &own) == LR_OK);
        CHECK(lr_lock_release(shared_lock, &own) == LR_OK);
    }
    return NULL;
}

static void threads_exclude_each_other(lr_engine *engine)
{
    pthread_t threads[THREADS];
    shared_lock = new_lock(engine, "counter", 0);
    OK(lr_lock_set_alloc(engine, 3, &shared_set, &error));
    OK(lr_lock_set_init(shared_set, "counters", 1, &error));
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, count, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(counted[0] == THREADS * ROUNDS && counted[1] == THREADS * ROUNDS);
    OK(lr_lock_set_destroy(shared_set, &error));
    OK(lr_lock_set_dealloc(shared_set, &error));
    free_lock(shared_lock);
}

static void *is_busy(void *argument)
{
    lr_error own;
    (void)argument;
    CHECK(lr_lock_try(shared_lock, LR_HERE, &own) == LR_WOULD_BLOCK);
    CHECK(own.status == LR_WOULD_BLOCK && strstr(own.text, "locks.c:") != NULL);
    CHECK(lr_lock_release(shared_lock, &own) == LR_WRONG_THREAD);
    CHECK(strstr(own.text, "not by this one") != NULL);
    CHECK(lr_lock_dealloc(shared_lock, &own) == LR_STATE);
    return NULL;
}

static void every_mistake_is_a_status(lr_engine *engine)
{
    lr_lock lock, other;
    lr_lock_set set;
    IS(LR_NULL, lr_lock_alloc(NULL, &lock, &error));
    IS(LR_NULL, lr_lock_alloc(engine, NULL, &error));
    DETAIL("lock is NULL");
    IS(LR_NULL, lr_lock_set_alloc(engine, 1, NULL, &error));
    IS(LR_INVALID_ARGUMENT, lr_lock_set_alloc(engine, 0, &set, &error));
    IS(LR_INVALID_ARGUMENT, lr_lock_set_alloc(engine, LR_MAX_LOCK_SET + 1, &set, &error));

    OK(lr_lock_alloc(engine, &lock, &error));
    IS(LR_STATE, lr_lock_get(lock, LR_HERE, &error));
    DETAIL("not initialised");
    IS(LR_STATE, lr_lock_try(lock, LR_HERE, &error));
    IS(LR_STATE, lr_lock_release(lock, &error));
    IS(LR_STATE, lr_lock_destroy(lock, &error));
    IS(LR_NULL, lr_lock_init(lock, NULL, 0, &error));
    IS(LR_INVALID_ARGUMENT, lr_lock_init(lock, "\xff", 0, &error));
    OK(lr_lock_init(lock, "one", 5, &error));
    IS(LR_STATE, lr_lock_init(lock, "one", 5, &error));

    IS(LR_STATE, lr_lock_release(lock, &error));
    DETAIL("one is not held by anybody");
    OK(lr_lock_get(lock, LR_HERE, &error));
    IS(LR_STATE, lr_lock_get(lock, LR_HERE, &error));
    DETAIL("this very thread, taken at ");
    DETAIL("locks.c:");
    IS(LR_WOULD_BLOCK, lr_lock_try(lock, NULL, &error));
    shared_lock = lock;
    elsewhere(is_busy, NULL);
    IS(LR_STATE, lr_lock_destroy(lock, &error));
    DETAIL("held or waited for");
    IS(LR_STATE, lr_lock_dealloc(lock, &error));

    /* The order: rising levels, rising numbers in a set. */
    other = new_lock(engine, "other", 5);
    IS(LR_STATE, lr_lock_get(other, LR_HERE, &error));
    DETAIL("lock order: other (level 5) while holding one (level 5)");
    OK(lr_lock_try(other, LR_HERE, &error));
    OK(lr_lock_release(other, &error));
    OK(lr_lock_set_alloc(engine, 4, &set, &error));
    IS(LR_STATE, lr_lock_set_get(set, 0, LR_HERE, &error));
    OK(lr_lock_set_init(set, "set", 6, &error));
    OK(lr_lock_set_get(set, 2, LR_HERE, &error));
    IS(LR_STATE, lr_lock_set_get(set, 1, LR_HERE, &error));
    OK(lr_lock_set_try(set, 1, LR_HERE, &error));
    OK(lr_lock_set_get(set, 3, LR_HERE, &error));
    IS(LR_INVALID_ARGUMENT, lr_lock_set_get(set, 4, LR_HERE, &error));
    IS(LR_INVALID_ARGUMENT, lr_lock_set_release(set, 4, &error));
    IS(LR_STATE, lr_lock_set_release(set, 0, &error));
    IS(LR_STATE, lr_lock_set_destroy(set, &error));
    for (size_t i = 1; i < 4; i++)
        OK(lr_lock_set_release(set, i, &error));
    OK(lr_lock_release(lock, &error));

    /* Destroyed, it can be initialised again; freed, it is gone. A set is no lock. */
    OK(lr_lock_destroy(lock, &error));
    IS(LR_STATE, lr_lock_get(lock, LR_HERE, &error));
    OK(lr_lock_init(lock, "again", 0, &error));
    OK(lr_lock_get(lock, LR_HERE, &error));
    OK(lr_lock_release(lock, &error));
    OK(lr_lock_dealloc(lock, &error));
    IS(LR_GONE, lr_lock_dealloc(lock, &error));
    IS(LR_GONE, lr_lock_get(lock, LR_HERE, &error));
    IS(LR_GONE, lr_lock_init(lock, "x", 0, &error));
    IS(LR_GONE, lr_lock_release(lock, &error));
    IS(LR_GONE, lr_lock_destroy(lock, &error));
    IS(LR_GONE, lr_lock_get(set, LR_HERE, &error));
    IS(LR_GONE, lr_lock_set_get(other, 0, LR_HERE, &error));
    IS(LR_GONE, lr_lock_get(0, LR_HERE, &error));
    OK(lr_lock_set_dealloc(set, &error));
    IS(LR_GONE, lr_lock_set_release(set, 0, &error));
    free_lock(other);
}

/* A callback is on a worker: it takes what is free and never waits. */
static lr_status route(lr_engine *engine, lr_call call, void *user)
{
    lr_lock lock = *(lr_lock *)user;
    lr_error own;
    (void)engine;
    routed++;
    if (routed == 1) {
        CHECK(lr_lock_get(lock, LR_HERE, &own) == LR_WOULD_BLOCK);
        CHECK(strstr(own.text, "worker is held by thread ") != NULL);
    } else {
        CHECK(lr_lock_get(lock, LR_HERE, &own) == LR_OK);
        CHECK(lr_lock_release(lock, &own) == LR_OK);
    }
    return lr_call_reply(call, 200, NULL, NULL, NULL, NULL);
}

static lr_lock held_lock;

static void *hold(void *argument)
{
    OK(lr_lock_get(*(lr_lock *)argument, LR_HERE, &error));
    return NULL;
}

static void a_worker_does_not_wait(void)
{
    lr_engine *engine = sansio_engine(route, &held_lock);
    char *json, where[64];
    held_lock = new_lock(engine, "worker", 0);
    /* The thread ends and leaves the lock held: what core.locks and the watchdog are for. */
    elsewhere(hold, &held_lock);
    feed(engine, 0, request("OPTIONS", "sip:bob@10.0.0.1", "a"));
    sent(engine, "SIP/2.0 200 OK");
    OK(lr_engine_rpc(engine, "core.locks", NULL, &json, &error));
    snprintf(where, sizeof where, "\"name\":\"worker\"");
    CHECK(strstr(json, where) != NULL && strstr(strstr(json, where), "locks.c:") != NULL);
    OK(lr_string_free(json));
    IS(LR_STATE, lr_lock_dealloc(held_lock, &error));
    IS(LR_WRONG_THREAD, lr_lock_release(held_lock, &error));

    lr_lock free_one = new_lock(engine, "free", 0);
    held_lock = free_one;
    feed(engine, 10, request("OPTIONS", "sip:bob@10.0.0.1", "b"));
    sent(engine, "SIP/2.0 200 OK");
    CHECK(routed == 2);
    OK(lr_engine_free(engine));
    /* A lock outlives its engine. */
    OK(lr_lock_get(free_one, LR_HERE, &error));
    OK(lr_lock_release(free_one, &error));
    OK(lr_lock_destroy(free_one, &error));
    IS(LR_GONE, lr_lock_init(free_one, "free", 0, &error));
    OK(lr_lock_dealloc(free_one, &error));
    IS(LR_GONE, lr_lock_alloc(engine, &free_one, &error));
}

int main(void)
{
    lr_engine *engine = sansio_engine(route, &shared_lock);
    threads_exclude_each_other(engine);
    every_mistake_is_a_status(engine);
    OK(lr_engine_free(engine));
    a_worker_does_not_wait();
    puts("ok");
    return 0;
}
