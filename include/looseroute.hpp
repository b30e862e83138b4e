/*
 * looseroute for C++17: the C functions with owners that free, errors that throw, and lambdas as
 * callbacks. Header only; needs looseroute.h and the library.
 *
 * An Engine, Config or Message frees what it holds. A failed call throws looseroute::Error, but
 * never within a destructor. Callbacks must not block; what they throw is caught at the boundary:
 * in a route or a continuation the request is answered with a 500.
 */
#ifndef LOOSEROUTE_HPP
#define LOOSEROUTE_HPP

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "looseroute.h"

namespace looseroute {

/* A failed call: its status and, from what(), its detail. */
class Error : public std::runtime_error {
public:
    explicit Error(const lr_error &error) : std::runtime_error(error.text), status_(error.status) {}
    lr_status status() const noexcept { return status_; }

private:
    lr_status status_;
};

namespace detail {

/* Calls a C function with an lr_error behind its arguments and throws when it fails. */
template <typename Function, typename... Args> void call(Function function, Args... args)
{
    lr_error error;
    if (function(args..., &error) != LR_OK)
        throw Error(error);
}

/* The same where one status other than LR_OK is no error: false then. */
template <typename Function, typename... Args>
bool done(lr_status no_error, Function function, Args... args)
{
    lr_error error;
    lr_status status = function(args..., &error);
    if (status != LR_OK && status != no_error)
        throw Error(error);
    return status == LR_OK;
}

inline std::string_view view(lr_str text) noexcept { return {text.ptr, text.len}; }

inline std::uint64_t ms(std::chrono::milliseconds time)
{
    return time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
}

/* As a getter that answers empty text instead of a failure. */
template <typename Getter, typename... Args>
std::string_view text(Getter getter, Args... args) noexcept
{
    lr_str out{"", 0};
    return getter(args..., &out, nullptr) == LR_OK ? view(out) : std::string_view{};
}

} // namespace detail

inline std::string_view version() noexcept { return lr_version(); }

class Call;

/* What an action or a wait came to. */
struct Result {
    lr_status status; /* LR_OK or why it failed */
    std::int64_t value;
    std::string_view detail; /* good until the callback returns */
    bool ok() const noexcept { return status == LR_OK; }
    /* Done, and above 0. */
    explicit operator bool() const noexcept { return ok() && value > 0; }
};

/* Called exactly once; empty when nobody is to be told. */
using Then = std::function<void(Call, const Result &)>;

/* A request within one of its callbacks. A copy names the same request. Views are good until the
 * callback returns. */
class Call {
public:
    explicit Call(lr_call id) noexcept : id_(id) {}
    lr_call id() const noexcept { return id_; }

    bool is(const char *method) const noexcept { return lr_call_is(id_, method); }
    bool in_dialog() const noexcept { return lr_call_in_dialog(id_); }
    std::string_view method() const noexcept { return detail::text(lr_call_method, id_); }
    std::string_view request_uri() const noexcept { return detail::text(lr_call_request_uri, id_); }
    std::string_view from_uri() const noexcept { return detail::text(lr_call_from_uri, id_); }
    std::string_view to_uri() const noexcept { return detail::text(lr_call_to_uri, id_); }
    std::string_view call_id() const noexcept { return detail::text(lr_call_call_id, id_); }
    std::string_view body() const noexcept { return detail::text(lr_call_body, id_); }
    std::string_view header(const char *name, std::size_t index = 0) const noexcept
    {
        return detail::text(lr_call_header, id_, name, index);
    }
    /* The user name that an authentication has proved; empty when none has. */
    std::string_view user() const noexcept
    {
        lr_str name{"", 0};
        lr_call_identity(id_, &name, nullptr, nullptr);
        return detail::view(name);
    }
    lr_address source() const
    {
        lr_address address;
        detail::call(lr_call_source, id_, &address);
        return address;
    }

    void set_request_uri(const std::string &uri) const
    {
        detail::call(lr_call_set_request_uri, id_, uri.c_str());
    }
    void set_destination(const std::string &uri) const
    {
        detail::call(lr_call_set_destination, id_, uri.c_str());
    }
    void append_branch(const std::string &uri) const
    {
        detail::call(lr_call_append_branch, id_, uri.c_str());
    }
    void append_header(const char *name, const std::string &value) const
    {
        detail::call(lr_call_append_header, id_, name, value.c_str());
    }
    void append_to_reply(const char *name, const std::string &value) const
    {
        detail::call(lr_call_append_to_reply, id_, name, value.c_str());
    }
    std::size_t remove_headers(const char *name) const
    {
        std::size_t removed = 0;
        detail::call(lr_call_remove_headers, id_, name, &removed);
        return removed;
    }

    void reply(std::uint32_t code, const char *reason = nullptr, Then then = {}) const
    {
        ask(std::move(then), lr_call_reply, id_, code, reason);
    }
    void relay(Then then = {}) const { ask(std::move(then), lr_call_relay, id_); }
    void forward(Then then = {}) const { ask(std::move(then), lr_call_forward, id_); }
    void save(const char *table, Then then = {}) const
    {
        ask(std::move(then), lr_call_save, id_, table);
    }
    void lookup(const char *table, Then then = {}) const
    {
        ask(std::move(then), lr_call_lookup, id_, table);
    }
    void www_authenticate(const char *realm, Then then) const
    {
        ask(std::move(then), lr_call_www_authenticate, id_, realm);
    }
    void proxy_authenticate(const char *realm, Then then) const
    {
        ask(std::move(then), lr_call_proxy_authenticate, id_, realm);
    }
    void record_route(Then then = {}) const { ask(std::move(then), lr_call_record_route, id_); }
    void loose_route(Then then) const { ask(std::move(then), lr_call_loose_route, id_); }
    void max_forwards(std::uint8_t limit, Then then) const
    {
        ask(std::move(then), lr_call_max_forwards, id_, limit);
    }
    void is_myself(Then then) const { ask(std::move(then), lr_call_is_myself, id_); }
    void pause(std::chrono::milliseconds time, Then then) const
    {
        ask(std::move(then), lr_call_pause, id_, detail::ms(time));
    }
    void function(const char *name, std::initializer_list<lr_value> args, Then then = {}) const
    {
        ask(std::move(then), lr_call_function, id_, name, args.begin(), args.size());
    }
    /* Waits for Engine::resume with the token that this answers, at most for `deadline`. */
    std::uint64_t pending(std::chrono::milliseconds deadline, Then then) const
    {
        auto held = std::make_unique<Then>(std::move(then));
        std::uint64_t token = 0;
        detail::call(lr_call_pending, id_, detail::ms(deadline), resumed, held.get(), &token);
        held.release(); /* `resumed` owns it now */
        return token;
    }

private:
    template <typename Action, typename... Args>
    static void ask(Then then, Action action, Args... args)
    {
        if (!then) {
            detail::call(action, args..., lr_done_cb{nullptr}, static_cast<void *>(nullptr));
            return;
        }
        auto held = std::make_unique<Then>(std::move(then));
        detail::call(action, args..., lr_done_cb{done}, static_cast<void *>(held.get()));
        held.release(); /* `done` owns it now */
    }

    static void done(lr_call id, lr_status status, std::int64_t value, const char *detail,
                     void *user) noexcept
    {
        std::unique_ptr<Then> then(static_cast<Then *>(user));
        try {
            if (*then)
                (*then)(Call(id), Result{status, value, detail});
        } catch (...) {
            lr_call_reply(id, 500, nullptr, nullptr, nullptr, nullptr);
        }
    }

    static void resumed(lr_call id, lr_status status, std::int64_t value, void *user) noexcept
    {
        done(id, status, value, status == LR_OK ? "" : lr_status_text(status), user);
    }

    lr_call id_;
};

/* A request that is kept beyond its callbacks. */
class Message {
public:
    explicit Message(Call call) { detail::call(lr_call_retain, call.id(), &id_); }
    Message(Message &&other) noexcept : id_(std::exchange(other.id_, 0)) {}
    Message &operator=(Message &&other) noexcept
    {
        std::swap(id_, other.id_);
        return *this;
    }
    ~Message()
    {
        if (id_ != 0)
            lr_message_free(id_);
    }

    /* Views are good as long as the Message lives. */
    std::string_view bytes() const noexcept { return detail::text(lr_message_bytes, id_); }
    std::string_view method() const noexcept { return detail::text(lr_message_method, id_); }
    std::string_view request_uri() const noexcept
    {
        return detail::text(lr_message_request_uri, id_);
    }
    std::string_view call_id() const noexcept { return detail::text(lr_message_call_id, id_); }
    std::string_view body() const noexcept { return detail::text(lr_message_body, id_); }
    std::string_view header(const char *name, std::size_t index = 0) const noexcept
    {
        return detail::text(lr_message_header, id_, name, index);
    }

private:
    lr_message id_ = 0;
};

/* An event within its callback. */
class Event {
public:
    explicit Event(const lr_event *event) noexcept : event_(event) {}
    bool is(const char *name) const noexcept { return lr_event_is(event_, name); }
    std::string_view name() const noexcept { return detail::view(event_->name); }
    std::string_view text(const char *field) const noexcept
    {
        return detail::view(lr_event_text(event_, field));
    }
    std::int64_t number(const char *field) const noexcept { return lr_event_int(event_, field); }

private:
    const lr_event *event_;
};

using Route = std::function<void(Call)>;
using Observer = std::function<void(const Event &)>;
using LogSink = std::function<void(lr_log_level, std::string_view module, std::string_view text)>;

/* What an engine is to be built with. Callbacks may run on several workers at once; they live as
 * long as the Config or any Engine made from it. */
class Config {
public:
    Config() : kept_(std::make_shared<Kept>()) { detail::call(lr_config_new, &id_); }
    Config(const Config &) = delete;
    Config &operator=(const Config &) = delete;
    ~Config() { lr_config_free(id_); }

    Config &listen(const std::string &address)
    {
        return with(lr_config_listen, address.c_str());
    }
    Config &without_sockets() { return with(lr_config_without_sockets); }
    Config &domain(const std::string &domain) { return with(lr_config_domain, domain.c_str()); }
    Config &account(const std::string &user, const std::string &realm, const std::string &password)
    {
        return with(lr_config_account, user.c_str(), realm.c_str(), password.c_str());
    }
    Config &modparam(const char *module, const char *name, std::int64_t value)
    {
        return with(lr_config_modparam_int, module, name, value);
    }
    Config &modparam(const char *module, const char *name, const std::string &value)
    {
        return with(lr_config_modparam_str, module, name, value.c_str());
    }
    Config &location_store(const std::string &url)
    {
        return with(lr_config_location_store, url.c_str());
    }
    Config &control_socket(const std::string &path)
    {
        return with(lr_config_control_socket, path.c_str());
    }
    Config &http_rpc(const std::string &path) { return with(lr_config_http_rpc, path.c_str()); }
    Config &http_metrics(const std::string &path)
    {
        return with(lr_config_http_metrics, path.c_str());
    }
    Config &max_workers(std::uint32_t workers) { return with(lr_config_max_workers, workers); }
    Config &seed(std::uint64_t seed) { return with(lr_config_seed, seed); }

    Config &route(Route route)
    {
        return with(lr_config_route, routed, keep(kept_->routes, std::move(route)));
    }
    Config &on_event(Observer observer)
    {
        return with(lr_config_event, happened, keep(kept_->observers, std::move(observer)));
    }
    Config &log(lr_log_level level, LogSink sink)
    {
        return with(lr_config_log, level, logged, keep(kept_->sinks, std::move(sink)));
    }

private:
    friend class Engine;

    struct Kept {
        std::vector<std::unique_ptr<Route>> routes;
        std::vector<std::unique_ptr<Observer>> observers;
        std::vector<std::unique_ptr<LogSink>> sinks;
    };

    template <typename T> static void *keep(std::vector<std::unique_ptr<T>> &list, T callback)
    {
        list.push_back(std::make_unique<T>(std::move(callback)));
        return list.back().get();
    }

    template <typename Setter, typename... Args> Config &with(Setter setter, Args... args)
    {
        detail::call(setter, id_, args...);
        return *this;
    }

    static lr_status routed(lr_engine *, lr_call call, void *user) noexcept
    {
        try {
            (*static_cast<Route *>(user))(Call(call));
            return LR_OK;
        } catch (const Error &error) {
            return error.status();
        } catch (...) {
            return LR_INTERNAL;
        }
    }

    static void happened(const lr_event *event, void *user) noexcept
    {
        try {
            (*static_cast<Observer *>(user))(Event(event));
        } catch (...) { /* an observer has nobody to tell */
        }
    }

    static void logged(lr_log_level level, const char *module, const char *text,
                       void *user) noexcept
    {
        try {
            (*static_cast<LogSink *>(user))(level, module, text);
        } catch (...) { /* a log has nobody to tell */
        }
    }

    lr_config id_ = 0;
    std::shared_ptr<Kept> kept_;
};

/* An engine. Its destructor ends it without grace; it must not run within a callback. */
class Engine {
public:
    explicit Engine(const Config &config) : kept_(config.kept_)
    {
        detail::call(lr_engine_new, config.id_, &engine_);
    }
    Engine(Engine &&other) noexcept
        : engine_(std::exchange(other.engine_, nullptr)), kept_(std::move(other.kept_)),
          wakeup_(std::move(other.wakeup_))
    {
    }
    Engine &operator=(Engine &&other) noexcept
    {
        std::swap(engine_, other.engine_);
        std::swap(kept_, other.kept_);
        std::swap(wakeup_, other.wakeup_);
        return *this;
    }
    ~Engine()
    {
        if (engine_ != nullptr)
            lr_engine_free(engine_);
    }

    lr_engine *get() const noexcept { return engine_; }

    void run() { detail::call(lr_engine_run, engine_); }
    void start(std::uint32_t workers) { detail::call(lr_engine_start, engine_, workers); }
    void process(std::chrono::milliseconds timeout)
    {
        detail::call(lr_engine_process, engine_, static_cast<std::int64_t>(timeout.count()));
    }
    void stop() { detail::call(lr_engine_stop, engine_); }
    /* Whether everything had ended in time. */
    bool shutdown(std::chrono::milliseconds grace)
    {
        lr_error error;
        lr_status status = lr_engine_shutdown(engine_, detail::ms(grace), &error);
        if (status != LR_OK && status != LR_TIMEOUT)
            throw Error(error);
        return status == LR_OK;
    }
    int fd() const
    {
        int fd = -1;
        detail::call(lr_engine_fd, engine_, &fd);
        return fd;
    }
    /* In milliseconds, for poll; -1 for no limit. */
    int next_timeout() const
    {
        int timeout = -1;
        detail::call(lr_engine_next_timeout_ms, engine_, &timeout);
        return timeout;
    }
    void set_wakeup(std::function<void()> wakeup)
    {
        auto held = std::make_unique<std::function<void()>>(std::move(wakeup));
        detail::call(lr_engine_set_wakeup, engine_, woken, static_cast<void *>(held.get()));
        wakeup_.push_back(std::move(held)); /* an older one may be running still */
    }

    void handle_input(const lr_time &now, const lr_address &from, const lr_address &to,
                      std::string_view bytes)
    {
        detail::call(lr_engine_handle_input, engine_, &now, &from, &to,
                     reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
    }
    /* How many locks and workers are stuck; see lr_engine_watchdog. */
    std::size_t watchdog(const lr_time *now = nullptr)
    {
        std::size_t stuck = 0;
        detail::call(lr_engine_watchdog, engine_, now, &stuck);
        return stuck;
    }

    /* False when there is nothing to send. */
    bool poll_output(lr_output &output)
    {
        lr_error error;
        lr_status status = lr_engine_poll_output(engine_, &output, &error);
        if (status != LR_OK && status != LR_WOULD_BLOCK)
            throw Error(error);
        return status == LR_OK;
    }
    void handle_timeout(const lr_time &now)
    {
        detail::call(lr_engine_handle_timeout, engine_, &now);
    }
    std::uint64_t poll_timeout() const
    {
        std::uint64_t at = 0;
        detail::call(lr_engine_poll_timeout, engine_, &at);
        return at;
    }

    void modparam(const char *module, const char *name, std::int64_t value)
    {
        detail::call(lr_engine_modparam_int, engine_, module, name, value);
    }
    void modparam(const char *module, const char *name, const std::string &value)
    {
        detail::call(lr_engine_modparam_str, engine_, module, name, value.c_str());
    }
    /* The JSON of the answer. */
    std::string rpc(const std::string &command, const std::string &params = "") const
    {
        char *json = nullptr;
        detail::call(lr_engine_rpc, engine_, command.c_str(), params.c_str(), &json);
        std::unique_ptr<char, lr_status (*)(char *)> owned(json, lr_string_free);
        return owned.get();
    }
    std::uint64_t statistic(const char *group, const char *name) const
    {
        std::uint64_t value = 0;
        detail::call(lr_engine_statistic, engine_, group, name, &value);
        return value;
    }
    std::vector<lr_address> listeners() const
    {
        std::size_t count = 0;
        detail::call(lr_engine_listener_count, engine_, &count);
        std::vector<lr_address> all(count);
        for (std::size_t at = 0; at < count; at++)
            detail::call(lr_engine_listener, engine_, at, &all[at]);
        return all;
    }
    /* False when the wait has ended already. */
    bool resume(std::uint64_t token, std::int64_t value)
    {
        lr_error error;
        lr_status status = lr_engine_resume(engine_, token, value, &error);
        if (status != LR_OK && status != LR_GONE)
            throw Error(error);
        return status == LR_OK;
    }

private:
    static void woken(void *user) noexcept
    {
        try {
            (*static_cast<std::function<void()> *>(user))();
        } catch (...) { /* a wake-up has nobody to tell */
        }
    }

    lr_engine *engine_ = nullptr;
    std::shared_ptr<Config::Kept> kept_;
    std::vector<std::unique_ptr<std::function<void()>>> wakeup_;
};

/* An address from text, as "udp:127.0.0.1:5060". */
inline lr_address address(const std::string &text)
{
    lr_address address;
    detail::call(lr_address_parse, text.c_str(), &address);
    return address;
}

/* A lock of the program's own, for std::lock_guard and its like. Its destructor does not throw: one
 * that is held then stays in core.locks, with its holder. `here` is LR_HERE or nothing. */
class Lock {
public:
    Lock(const Engine &engine, const std::string &name, std::uint32_t level = 0)
    {
        detail::call(lr_lock_alloc, engine.get(), &id_);
        lr_error error;
        if (lr_lock_init(id_, name.c_str(), level, &error) != LR_OK) {
            lr_lock_dealloc(id_, nullptr);
            throw Error(error);
        }
    }
    Lock(const Lock &) = delete;
    Lock &operator=(const Lock &) = delete;
    ~Lock() { lr_lock_dealloc(id_, nullptr); }

    lr_lock get() const noexcept { return id_; }

    /* Throws LR_WOULD_BLOCK instead of waiting on a worker. */
    void lock(const char *here = nullptr) { detail::call(lr_lock_get, id_, here); }
    bool try_lock(const char *here = nullptr)
    {
        return detail::done(LR_WOULD_BLOCK, lr_lock_try, id_, here);
    }
    void unlock() { detail::call(lr_lock_release, id_); }

private:
    lr_lock id_ = 0;
};

/* Locks under one name, told apart by a number. */
class LockSet {
public:
    LockSet(const Engine &engine, const std::string &name, std::size_t count,
            std::uint32_t level = 0)
    {
        detail::call(lr_lock_set_alloc, engine.get(), count, &id_);
        lr_error error;
        if (lr_lock_set_init(id_, name.c_str(), level, &error) != LR_OK) {
            lr_lock_set_dealloc(id_, nullptr);
            throw Error(error);
        }
    }
    LockSet(const LockSet &) = delete;
    LockSet &operator=(const LockSet &) = delete;
    ~LockSet() { lr_lock_set_dealloc(id_, nullptr); }

    void lock(std::size_t index, const char *here = nullptr)
    {
        detail::call(lr_lock_set_get, id_, index, here);
    }
    bool try_lock(std::size_t index, const char *here = nullptr)
    {
        return detail::done(LR_WOULD_BLOCK, lr_lock_set_try, id_, index, here);
    }
    void unlock(std::size_t index) { detail::call(lr_lock_set_release, id_, index); }

private:
    lr_lock_set id_ = 0;
};

/* A text that is no message, header or URI: the byte, the header, and the answer it deserves. */
class ParseError : public Error {
public:
    explicit ParseError(const lr_parse_error &error)
        : Error(error.error), offset_(error.offset), header_(error.header), code_(error.code),
          reason_(error.reason)
    {
    }
    std::uint32_t offset() const noexcept { return offset_; }
    lr_hdr_type header() const noexcept { return static_cast<lr_hdr_type>(header_); }
    std::uint16_t code() const noexcept { return code_; }
    const std::string &reason() const noexcept { return reason_; }

private:
    std::uint32_t offset_;
    lr_hdr_type header_;
    std::uint16_t code_;
    std::string reason_;
};

/* A message being parsed, with its text and its edits. It can be moved, not copied. */
class SipMsg {
public:
    explicit SipMsg(std::string text = {}) : SipMsg(nullptr, std::move(text)) {}
    SipMsg(const lr_parse_limits *limits, std::string text)
    {
        detail::call(lr_sip_msg_new, limits, &id_);
        if (text.empty())
            return;
        try {
            parse(std::move(text));
        } catch (...) {
            lr_sip_msg_free(id_);
            throw;
        }
    }
    SipMsg(SipMsg &&other) noexcept
        : id_(std::exchange(other.id_, 0)), text_(std::move(other.text_))
    {
    }
    SipMsg &operator=(SipMsg &&other) noexcept
    {
        std::swap(id_, other.id_);
        std::swap(text_, other.text_);
        return *this;
    }
    ~SipMsg() { lr_sip_msg_free(id_); }

    lr_sip_msg get() const noexcept { return id_; }

    /* Begins another message; views of the one before end. */
    void parse(std::string text)
    {
        text_ = std::move(text);
        parsed(lr_parse_msg, text_.data(), text_.size());
    }
    /* Reads on; answers what was found so far. */
    std::uint64_t parse_headers(std::uint64_t until, bool next = false)
    {
        std::uint64_t found = 0;
        parsed(lr_parse_headers, until, next, &found);
        return found;
    }
    void check(bool routing = false) { parsed(lr_msg_check, routing); }

    /* The text of a view; good until the next parse. */
    std::string_view operator[](lr_view view) const noexcept
    {
        return detail::view(lr_view_of(text_.data(), text_.size(), view));
    }

    lr_msg_start first_line() { return got<lr_msg_start>(lr_msg_first_line); }
    lr_sip_uri uri() { return got<lr_sip_uri>(lr_msg_uri); }
    lr_to_body to() { return got<lr_to_body>(lr_msg_to); }
    lr_to_body from() { return got<lr_to_body>(lr_msg_from); }
    lr_cseq_body cseq() { return got<lr_cseq_body>(lr_msg_cseq); }
    std::string_view call_id() { return (*this)[got<lr_view>(lr_msg_call_id)]; }
    std::string_view body()
    {
        lr_view view{0, 0};
        parsed(lr_msg_body, &view, nullptr);
        return (*this)[view];
    }
    lr_sip_uri uri_at(lr_view view) const
    {
        lr_sip_uri uri;
        lr_parse_error error;
        if (lr_parse_uri_at(text_.data(), text_.size(), view, &uri, &error) != LR_OK)
            throw ParseError(error);
        return uri;
    }

    /* All of a kind, in order. A malformed one throws. */
    std::vector<lr_hdr_field> headers() { return all<lr_hdr_field>(lr_msg_header_next); }
    std::vector<lr_hdr_field> headers(const char *name)
    {
        return all<lr_hdr_field>(lr_msg_header_by_name, name);
    }
    std::vector<lr_via_body> vias() { return all<lr_via_body>(lr_msg_via_next); }
    std::vector<lr_contact> contacts() { return all<lr_contact>(lr_msg_contact_next); }
    std::vector<lr_to_body> addresses(lr_hdr_type id)
    {
        return all<lr_to_body>(lr_msg_address_next, id);
    }

    void insert(std::uint32_t offset, std::string_view bytes)
    {
        parsed(lr_msg_insert, offset, bytes.data(), bytes.size());
    }
    void replace(lr_view view, std::string_view bytes)
    {
        parsed(lr_msg_replace, view, bytes.data(), bytes.size());
    }
    void remove(lr_view view) { parsed(lr_msg_remove, view); }
    void remove_value(lr_hdr_type id, lr_view value) { parsed(lr_msg_remove_value, id, value); }
    std::size_t remove_headers(const char *name)
    {
        std::size_t count = 0;
        parsed(lr_msg_remove_headers, name, &count);
        return count;
    }
    void append_header(const char *name, std::string_view value)
    {
        parsed(lr_msg_append_header, name, value.data(), value.size());
    }
    void insert_header(const char *name, std::string_view value)
    {
        parsed(lr_msg_insert_header, name, value.data(), value.size());
    }
    void set_uri(std::string_view uri) { parsed(lr_msg_set_uri, uri.data(), uri.size()); }
    void set_body(std::string_view body) { parsed(lr_msg_set_body, body.data(), body.size()); }
    void clear_edits() { parsed(lr_msg_clear_edits); }
    /* The message with its edits. */
    std::string write()
    {
        std::size_t len = 0;
        lr_parse_error error;
        lr_status status = lr_msg_write(id_, nullptr, 0, &len, &error);
        if (status != LR_OK && status != LR_LIMIT)
            throw ParseError(error);
        std::string out(len, '\0');
        parsed(lr_msg_write, out.data(), out.size(), &len);
        return out;
    }

private:
    template <typename Function, typename... Args> void parsed(Function function, Args... args)
    {
        lr_parse_error error;
        if (function(id_, args..., &error) != LR_OK)
            throw ParseError(error);
    }
    template <typename Value, typename Getter> Value got(Getter getter)
    {
        Value value;
        parsed(getter, &value);
        return value;
    }
    template <typename Value, typename Next, typename... Args>
    std::vector<Value> all(Next next, Args... args)
    {
        std::vector<Value> values;
        lr_iter iter{0, 0};
        for (;;) {
            Value value;
            lr_parse_error error;
            lr_status status = next(id_, args..., &iter, &value, &error);
            if (status == LR_NOT_FOUND)
                return values;
            if (status != LR_OK)
                throw ParseError(error);
            values.push_back(value);
        }
    }

    lr_sip_msg id_ = 0;
    std::string text_;
};

} // namespace looseroute

#endif
