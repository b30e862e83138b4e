/* What the C tests stand on: checks that name their place, and an engine without sockets. */
#ifndef CHECK_H
#define CHECK_H

#include <looseroute.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what); \
            exit(1); \
        } \
    } while (0)

/* A call must answer this status; `error` holds its detail when it fails. */
#define IS(expected, call) check_status(__FILE__, __LINE__, #call, expected, call)
#define OK(call) IS(LR_OK, call)

static lr_error error;

static inline void check_status(const char *file, int line, const char *call, lr_status expected,
                                lr_status got)
{
    if (got == expected)
        return;
    fprintf(stderr, "%s:%d: %s\n  answered %s\n  not      %s\n  %s\n", file, line, call,
            lr_status_text(got), lr_status_text(expected), got == LR_OK ? "" : error.text);
    exit(1);
}

/* The detail of the last failure must contain this. */
#define DETAIL(part) check_text(__FILE__, __LINE__, error.text, part)

static inline void check_text(const char *file, int line, const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        return;
    fprintf(stderr, "%s:%d: no \"%s\" in\n%s\n", file, line, part, text);
    exit(1);
}

/* The engine's listen address and its peer, of an engine without sockets. */
#define HERE "udp:10.0.0.1:5060"
#define PEER "udp:10.0.0.2:5062"

static inline lr_time at(uint64_t ms)
{
    lr_time time = {ms * 1000000u, (1700000000000u + ms) * 1000000u};
    return time;
}

/* An engine without sockets, with this route and these accounts (NULL at the end). */
static inline lr_engine *sansio_engine(lr_route_cb route, void *user)
{
    lr_config config;
    lr_engine *engine;
    OK(lr_config_new(&config, &error));
    OK(lr_config_listen(config, HERE, &error));
    OK(lr_config_domain(config, "10.0.0.1", &error));
    OK(lr_config_without_sockets(config, &error));
    OK(lr_config_seed(config, 7, &error));
    OK(lr_config_route(config, route, user, &error));
    OK(lr_engine_new(config, &engine, &error));
    OK(lr_config_free(config));
    return engine;
}

/* Hands a message in; lines end with \n here. */
static inline void feed(lr_engine *engine, uint64_t ms, const char *text)
{
    char bytes[4096];
    size_t len = 0;
    lr_address from, to;
    lr_time now = at(ms);
    for (; *text != '\0'; text++) {
        CHECK(len + 2 < sizeof bytes);
        if (*text == '\n')
            bytes[len++] = '\r';
        bytes[len++] = *text;
    }
    OK(lr_address_parse(PEER, &from, &error));
    OK(lr_address_parse(HERE, &to, &error));
    OK(lr_engine_handle_input(engine, &now, &from, &to, (const uint8_t *)bytes, len, &error));
}

/* Takes the next message out; it begins with `start`. NUL-terminated, good until the next. */
static inline const char *sent(lr_engine *engine, const char *start)
{
    static char text[4096];
    lr_output output;
    OK(lr_engine_poll_output(engine, &output, &error));
    CHECK(output.bytes.len < sizeof text);
    CHECK(output.from.proto == LR_UDP && output.from.port == 5060);
    CHECK(strcmp(output.from.host, "10.0.0.1") == 0);
    memcpy(text, output.bytes.ptr, output.bytes.len);
    text[output.bytes.len] = '\0';
    if (strncmp(text, start, strlen(start)) != 0) {
        fprintf(stderr, "sent, instead of %s:\n%s\n", start, text);
        exit(1);
    }
    return text;
}

static inline void nothing_sent(lr_engine *engine)
{
    lr_output output;
    IS(LR_WOULD_BLOCK, lr_engine_poll_output(engine, &output, &error));
}

/* A request of alice's to bob; `branch` tells transactions and calls apart. */
static inline const char *request(const char *method, const char *uri, const char *branch)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "%s %s SIP/2.0\n"
             "Via: SIP/2.0/UDP 10.0.0.2:5062;branch=z9hG4bK%s;rport\n"
             "Max-Forwards: 70\n"
             "From: \"Alice\" <sip:alice@10.0.0.1>;tag=1\n"
             "To: <sip:bob@10.0.0.1>\n"
             "Call-ID: c%s\n"
             "CSeq: 1 %s\n"
             "X-Twice: one\n"
             "X-Twice: two\n"
             "Content-Type: text/plain\n"
             "Content-Length: 4\n\nbody",
             method, uri, branch, branch, method);
    return text;
}

#define TEXT_IS(view, text) CHECK(lr_str_is(view, text))

#endif
