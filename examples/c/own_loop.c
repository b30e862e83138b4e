/*
 * The engine inside the program's own epoll loop: its descriptor stands beside the program's own,
 * here a TCP port that tells how many requests there were, and the signals that end it.
 *
 *   own_loop udp:127.0.0.1:5060 5070
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <looseroute.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

static lr_error error;

static void must(lr_status status)
{
    if (status == LR_OK)
        return;
    fprintf(stderr, "own_loop: %s\n", error.text);
    exit(EXIT_FAILURE);
}

static int checked(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(EXIT_FAILURE);
    }
    return result;
}

/* Runs within lr_engine_process, so on this thread; it may use what the program has, unlocked. */
static lr_status route(lr_engine *engine, lr_call call, void *user)
{
    (void)engine;
    ++*(unsigned long *)user;
    return lr_call_reply(call, 200, "Hello From My Own Loop", NULL, NULL, NULL);
}

static void add(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    checked(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static int admin_socket(int port)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    int on = 1;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    checked(bind(fd, (struct sockaddr *)&here, sizeof here), "bind");
    checked(listen(fd, 16), "listen");
    return fd;
}

int main(int argc, char **argv)
{
    unsigned long requests = 0;
    lr_config config;
    lr_engine *engine;
    lr_address address;
    sigset_t signals;
    int sip, timeout;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* the engine's threads inherit it */
    must(lr_config_new(&config, &error));
    must(lr_config_listen(config, argc > 1 ? argv[1] : "udp:127.0.0.1:5060", &error));
    must(lr_config_route(config, route, &requests, &error));
    must(lr_engine_new(config, &engine, &error));
    lr_config_free(config);
    must(lr_engine_fd(engine, &sip, &error));
    must(lr_engine_listener(engine, 0, &address, &error));

    int quit = checked(signalfd(-1, &signals, SFD_CLOEXEC), "signalfd");
    int admin = admin_socket(argc > 2 ? atoi(argv[2]) : 5070);
    int epoll = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    add(epoll, sip);
    add(epoll, admin);
    add(epoll, quit);
    printf("listening %s:%u\nready\n", address.host, (unsigned)address.port);
    fflush(stdout);

    for (int ended = 0; !ended;) {
        struct epoll_event events[8];
        must(lr_engine_next_timeout_ms(engine, &timeout, &error));
        int ready = epoll_wait(epoll, events, 8, timeout);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == quit)
                ended = 1;
            if (events[i].data.fd == admin) {
                int peer = accept(admin, NULL, NULL);
                if (peer >= 0) {
                    dprintf(peer, "requests %lu\n", requests);
                    close(peer);
                }
            }
        }
        /* Whatever woke us: the engine does what is due, without waiting. */
        must(lr_engine_process(engine, 0, &error));
    }
    lr_engine_shutdown(engine, 1000, NULL);
    lr_engine_free(engine);
    close(epoll), close(admin), close(quit);
    return EXIT_SUCCESS;
}
