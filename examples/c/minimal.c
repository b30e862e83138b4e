#include <looseroute.h>
#include <stdio.h>

static void found(lr_call call, lr_status status, int64_t yes, const char *why, void *user)
{
    (void)why, (void)user;
    if (status == LR_OK && yes)
        lr_call_relay(call, NULL, NULL, NULL);
    else
        lr_call_reply(call, 404, "Not Found", NULL, NULL, NULL);
}

/* Nobody proves who they are here: for a network where all may register. */
static lr_status route(lr_engine *engine, lr_call call, void *user)
{
    (void)engine, (void)user;
    if (lr_call_is(call, "REGISTER"))
        return lr_call_save(call, "location", NULL, NULL, NULL);
    return lr_call_lookup(call, "location", found, NULL, NULL);
}

int main(void)
{
    lr_config config;
    lr_engine *engine;
    lr_error error = {0};
    if (lr_config_new(&config, &error) || lr_config_listen(config, "127.0.0.1:5060", &error) ||
        lr_config_route(config, route, NULL, &error) || lr_engine_new(config, &engine, &error) ||
        lr_engine_run(engine, &error))
        return fprintf(stderr, "%s\n", error.text), 1;
    return 0;
}
