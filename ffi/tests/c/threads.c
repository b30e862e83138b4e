/* The engine with sockets: in the program's own poll, in a thread of the program's, on threads of
 * its own; ended and freed from elsewhere. Real datagrams on loopback. */
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAITS = 32 };

static struct {
    pthread_mutex_t lock;
    uint64_t tokens[WAITS];
    int count;
} waits = {.lock = PTHREAD_MUTEX_INITIALIZER};
static sem_t waiting;
static int routed;

static void resumed(lr_call call, lr_status status, int64_t value, void *user)
{
    CHECK(status == LR_OK && user == &waits);
    OK(lr_call_reply(call, (uint32_t)value, NULL, NULL, NULL, NULL));
}

/* MESSAGE waits for another thread, the rest is answered at once. On several workers at once. */
static lr_status route(lr_engine *engine, lr_call call, void *user)
{
    lr_error own;
    (void)engine, (void)user;
    __atomic_add_fetch(&routed, 1, __ATOMIC_SEQ_CST);
    if (!lr_call_is(call, "MESSAGE"))
        return lr_call_reply(call, 200, "At Once", NULL, NULL, &own);
    pthread_mutex_lock(&waits.lock);
    CHECK(waits.count < WAITS);
    CHECK(lr_call_pending(call, 60000, resumed, &waits, &waits.tokens[waits.count], &own) == LR_OK);
    waits.count++;
    pthread_mutex_unlock(&waits.lock);
    sem_post(&waiting);
    return LR_PENDING;
}

static lr_engine *begin(uint16_t *port)
{
    lr_config config;
    lr_engine *engine;
    lr_address address;
    OK(lr_config_new(&config, &error));
    OK(lr_config_listen(config, "udp:127.0.0.1:0", &error));
    OK(lr_config_route(config, route, NULL, &error));
    OK(lr_config_max_workers(config, 4, &error));
    OK(lr_engine_new(config, &engine, &error));
    OK(lr_config_free(config));
    OK(lr_engine_listener(engine, 0, &address, &error));
    *port = address.port;
    return engine;
}

static int client(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static void ask(int fd, const char *method, int number)
{
    char text[1024];
    int len = snprintf(text, sizeof text,
                       "%s sip:bob@127.0.0.1 SIP/2.0\r\n"
                       "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK%s%d;rport\r\n"
                       "Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\n"
                       "To: <sip:bob@127.0.0.1>\r\nCall-ID: %s%d\r\nCSeq: 1 %s\r\n"
                       "Content-Length: 0\r\n\r\n",
                       method, method, number, method, number, method);
    CHECK(send(fd, text, (size_t)len, 0) == len);
}

static int answered(int fd, int ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, ms) == 1;
}

static void expect(int fd, const char *start)
{
    char text[2048];
    ssize_t len;
    CHECK(answered(fd, 30000));
    len = recv(fd, text, sizeof text - 1, 0);
    CHECK(len > 0);
    text[len] = '\0';
    if (strncmp(text, start, strlen(start)) != 0)
        fprintf(stderr, "received, instead of %s:\n%s\n", start, text);
    CHECK(strncmp(text, start, strlen(start)) == 0);
}

/* A: beside the program's own descriptors. */
static void in_an_own_poll(void)
{
    uint16_t port;
    int sip, timeout, fd;
    lr_engine *engine = begin(&port);
    fd = client(port);
    OK(lr_engine_fd(engine, &sip, &error));
    ask(fd, "OPTIONS", 1);
    while (!answered(fd, 0)) {
        struct pollfd wait = {.fd = sip, .events = POLLIN};
        OK(lr_engine_next_timeout_ms(engine, &timeout, &error));
        CHECK(timeout >= -1);
        CHECK(poll(&wait, 1, timeout < 0 || timeout > 30000 ? 30000 : timeout) >= 0);
        OK(lr_engine_process(engine, 0, &error));
    }
    expect(fd, "SIP/2.0 200 At Once\r\n");
    close(fd);
    OK(lr_engine_free(engine));
}

static void *run(void *engine)
{
    lr_error own;
    return (void *)(intptr_t)lr_engine_run(engine, &own);
}

/* B: a thread of the program's runs it; another one ends it, in order or at once. */
static void in_a_thread_of_the_program(int how)
{
    uint16_t port;
    pthread_t thread;
    void *status;
    lr_engine *engine = begin(&port);
    int fd = client(port);
    CHECK(pthread_create(&thread, NULL, run, engine) == 0);
    ask(fd, "OPTIONS", 2);
    expect(fd, "SIP/2.0 200 At Once\r\n");
    if (how == 0)
        OK(lr_engine_shutdown(engine, 10000, &error));
    if (how == 1)
        OK(lr_engine_stop(engine, &error));
    if (how == 2)
        OK(lr_engine_free(engine));
    CHECK(pthread_join(thread, &status) == 0);
    CHECK((lr_status)(intptr_t)status == LR_OK);
    if (how != 2)
        OK(lr_engine_free(engine));
    IS(LR_GONE, lr_engine_free(engine));
    close(fd);
}

/* C: threads of the engine; waits are resumed from this one. */
static void on_threads_of_the_engine(uint32_t workers)
{
    uint16_t port;
    int fds[WAITS], fd;
    lr_engine *engine = begin(&port);
    waits.count = routed = 0;
    IS(LR_STATE, lr_engine_start(engine, 0, &error));
    IS(LR_STATE, lr_engine_start(engine, 5, &error));
    DETAIL("max_workers");
    OK(lr_engine_start(engine, workers, &error));
    IS(LR_STATE, lr_engine_start(engine, 1, &error));
    IS(LR_STATE, lr_engine_process(engine, 0, &error));
    IS(LR_STATE, lr_engine_fd(engine, &fd, &error));
    for (int i = 0; i < WAITS; i++) {
        fds[i] = client(port);
        ask(fds[i], "OPTIONS", i);
        expect(fds[i], "SIP/2.0 200 At Once\r\n");
        ask(fds[i], "MESSAGE", i);
    }
    for (int i = 0; i < WAITS; i++)
        CHECK(sem_wait(&waiting) == 0);
    for (int i = 0; i < WAITS; i++)
        OK(lr_engine_resume(engine, waits.tokens[i], 202, &error));
    for (int i = 0; i < WAITS; i++) {
        expect(fds[i], "SIP/2.0 202 Accepted\r\n");
        close(fds[i]);
    }
    for (int i = 0; i < WAITS; i++)
        IS(LR_GONE, lr_engine_resume(engine, waits.tokens[i], 202, &error));
    CHECK(routed == 2 * WAITS);
    OK(lr_engine_shutdown(engine, 5000, &error));
    OK(lr_engine_free(engine));
}

int main(void)
{
    CHECK(sem_init(&waiting, 0, 0) == 0);
    in_an_own_poll();
    for (int how = 0; how < 3; how++)
        in_a_thread_of_the_program(how);
    on_threads_of_the_engine(1);
    on_threads_of_the_engine(3);
    puts("ok");
    return 0;
}
