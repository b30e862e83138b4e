/*
 * Preloaded into a server: a name server that is slow to say no. Looking up a name that ends in
 * ".slow.test" takes 2 seconds and fails; each look-up is told on stderr. All others are as ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    static const char end[] = ".slow.test";
    size_t length = node ? strlen(node) : 0;
    if (length > strlen(end) && strcmp(node + length - strlen(end), end) == 0) {
        const struct timespec time = {2, 0};
        dprintf(2, "looked up %s\n", node);
        nanosleep(&time, NULL);
        return EAI_AGAIN;
    }
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(
            RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, found);
}
