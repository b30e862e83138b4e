/*
 * looseroute: an embeddable SIP proxy and registrar engine.
 *
 * The rules, which hold for every function:
 *
 * - It answers an lr_status. Outputs are only written when that is LR_OK, but for those of which a
 *   function says otherwise. The detail of a failure is written to *error unless error is NULL; an
 *   lr_error or lr_parse_error belongs to the caller.
 * - A pointer is NULL or valid for what the function says. NULL where it is not allowed is
 *   LR_NULL. Texts are NUL-terminated and are copied when they are kept.
 * - Handles are checked: of something that was freed or has ended, they are answered LR_GONE.
 *   An engine's handle looks like a pointer and is never followed; the others are 64-bit numbers,
 *   0 never being one.
 * - Every _new has its _free; each comment says who owns what.
 * - Every callback gets the user pointer that was given with it. Callbacks run on the engine's
 *   workers, or on the thread that drives the engine; they must not block and must not unwind
 *   (throw or longjmp) into the library.
 * - No function takes the process down: a panic inside the library is answered LR_PANIC. The
 *   library installs no signal handler and its writes raise no SIGPIPE. The threads that
 *   lr_engine_new and lr_engine_start make inherit the signal mask of their caller: block there
 *   what the program wants to wait for.
 *
 * An engine is driven in one of four ways:
 *
 *   A  in the program's own loop    lr_engine_fd, lr_engine_next_timeout_ms, lr_engine_process
 *   B  in a thread of the program   lr_engine_run
 *   C  on threads of the engine     lr_engine_start
 *   D  without sockets              lr_engine_handle_input, lr_engine_poll_output,
 *                                   lr_engine_handle_timeout, lr_engine_poll_timeout
 *
 * The parser needs no engine: lr_sip_msg_new and lr_parse_msg for messages, lr_parse_uri, lr_parse_to,
 * lr_parse_via and so on for texts that stand alone.
 */


#ifndef LOOSEROUTE_H
#define LOOSEROUTE_H

/* Generated from ffi/src by `cargo xtask header`; do not edit. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a lock is taken, for the functions that want to know. */
#define LR_HERE_TEXT(line) #line
#define LR_HERE_AT(file, line) file ":" LR_HERE_TEXT(line)
#define LR_HERE LR_HERE_AT(__FILE__, __LINE__)

/* In a mask of headers: all of them and the end of the head (Kamailio's HDR_EOH_F). */
#define LR_HDR_EOH_F (UINT64_C(1) << 63)

/* The bit of a header in a mask; headers above 62 have none and stand for the end of the head. */
#define LR_HDR_F(header) (UINT64_C(1) << ((int)(header) < 63 ? (int)(header) : 63))

/**
 * The number of this ABI, which is that of the library's soname. Within one number functions,
 * statuses and parameters are added, never changed or taken away.
 */
#define LR_ABI 0

/**
 * Bytes in the text of an lr_error, its NUL included.
 */
#define LR_ERROR_TEXT 256

/**
 * Bytes in the reason of an lr_parse_error, its NUL included.
 */
#define LR_REASON_TEXT 64

/**
 * The most edits of one message.
 */
#define LR_MAX_EDITS 1024

/**
 * Bytes of the host in an lr_address, its NUL included.
 */
#define LR_HOST_TEXT 64

/**
 * Actions that one call may have queued at a time.
 */
#define LR_MAX_QUEUED 1024

/**
 * The most locks of one set.
 */
#define LR_MAX_LOCK_SET 65536

/**
 * What a function answers. The numbers are fixed: a number is never given another meaning, and
 * later versions may answer more of them.
 */
enum lr_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Done.
     */
    LR_OK = 0,
    /**
     * Only answered by a routing callback: the call waits for the host. Not an error.
     */
    LR_PENDING = 1,
    /**
     * The handle is of something that has ended: a freed engine, a call whose route is over, a
     * wait that was resumed before or has met its deadline.
     */
    LR_GONE = 2,
    /**
     * An argument is malformed or out of range.
     */
    LR_INVALID_ARGUMENT = 3,
    /**
     * A pointer that must not be NULL is NULL.
     */
    LR_NULL = 4,
    /**
     * There is nothing to take now; or a lock is held, and the call was not to wait for it or came
     * from a worker, which never waits. Not an error.
     */
    LR_WOULD_BLOCK = 5,
    /**
     * The call is alive, but this is not one of its callbacks; or an engine was to be driven,
     * ended or freed from within one of its own callbacks; or a lock was to be released by a
     * thread that does not hold it.
     */
    LR_WRONG_THREAD = 6,
    /**
     * The address, port or path is in use by another engine or program.
     */
    LR_IN_USE = 7,
    /**
     * There is no such function, command, parameter, statistic, header or listener.
     */
    LR_NOT_FOUND = 8,
    /**
     * The call does not fit the engine's state or the way it is driven.
     */
    LR_STATE = 9,
    /**
     * A bound was met.
     */
    LR_LIMIT = 10,
    /**
     * A mistake of the library: a panic was stopped at the boundary. The engine goes on.
     */
    LR_PANIC = 11,
    /**
     * A mistake of the library, of another kind.
     */
    LR_INTERNAL = 12,
    /**
     * The deadline has passed.
     */
    LR_TIMEOUT = 13,
    /**
     * The engine is shutting down.
     */
    LR_SHUTDOWN = 14,
    /**
     * The operating system refused; the detail says what.
     */
    LR_SYSTEM = 15,
    /**
     * The SIP message is not what the action needs.
     */
    LR_MESSAGE = 16,
    /**
     * The transaction refused: already answered, gone, no target.
     */
    LR_TRANSACTION = 17,
    /**
     * A module refused, for a reason of its own that the detail tells.
     */
    LR_MODULE = 18,
    /**
     * The request cannot be served as asked; the value of the callback is the code of the answer
     * that it deserves.
     */
    LR_REFUSED = 19,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum lr_status lr_status;
#else
typedef int32_t lr_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The scheme of a URI (Kamailio's `uri_type`).
 */
enum lr_uri_scheme
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Any other scheme; its name is `scheme_name`.
     */
    LR_URI_OTHER = 0,
    /**
     * `sip`, RFC 3261 19.1.
     */
    LR_URI_SIP = 1,
    /**
     * `sips`, RFC 3261 19.1.
     */
    LR_URI_SIPS = 2,
    /**
     * `tel`, RFC 3966.
     */
    LR_URI_TEL = 3,
    /**
     * `urn`, RFC 8141.
     */
    LR_URI_URN = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum lr_uri_scheme lr_uri_scheme;
#else
typedef int32_t lr_uri_scheme;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A header by identity, full name and compact form being the same (Kamailio's `hdr_types_t`). The
 * numbers are fixed; later versions may have more.
 */
enum lr_hdr_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Any header without a name here; told apart by its name.
     */
    LR_HDR_OTHER = 0,
    /**
     * Via, RFC 3261 20.42.
     */
    LR_HDR_VIA = 1,
    /**
     * From, RFC 3261 20.20.
     */
    LR_HDR_FROM = 2,
    /**
     * To, RFC 3261 20.39.
     */
    LR_HDR_TO = 3,
    /**
     * Call-ID, RFC 3261 20.8.
     */
    LR_HDR_CALL_ID = 4,
    /**
     * CSeq, RFC 3261 20.16.
     */
    LR_HDR_CSEQ = 5,
    /**
     * Max-Forwards, RFC 3261 20.22.
     */
    LR_HDR_MAX_FORWARDS = 6,
    /**
     * Contact, RFC 3261 20.10.
     */
    LR_HDR_CONTACT = 7,
    /**
     * Route, RFC 3261 20.34.
     */
    LR_HDR_ROUTE = 8,
    /**
     * Record-Route, RFC 3261 20.30.
     */
    LR_HDR_RECORD_ROUTE = 9,
    /**
     * Content-Length, RFC 3261 20.14.
     */
    LR_HDR_CONTENT_LENGTH = 10,
    /**
     * Content-Type, RFC 3261 20.15.
     */
    LR_HDR_CONTENT_TYPE = 11,
    /**
     * Expires, RFC 3261 20.19.
     */
    LR_HDR_EXPIRES = 12,
    /**
     * Min-Expires, RFC 3261 20.23.
     */
    LR_HDR_MIN_EXPIRES = 13,
    /**
     * Path, RFC 3327.
     */
    LR_HDR_PATH = 14,
    /**
     * Service-Route, RFC 3608.
     */
    LR_HDR_SERVICE_ROUTE = 15,
    /**
     * Authorization, RFC 3261 20.7.
     */
    LR_HDR_AUTHORIZATION = 16,
    /**
     * Proxy-Authorization, RFC 3261 20.28.
     */
    LR_HDR_PROXY_AUTHORIZATION = 17,
    /**
     * WWW-Authenticate, RFC 3261 20.44.
     */
    LR_HDR_WWW_AUTHENTICATE = 18,
    /**
     * Proxy-Authenticate, RFC 3261 20.27.
     */
    LR_HDR_PROXY_AUTHENTICATE = 19,
    /**
     * Authentication-Info, RFC 3261 20.6.
     */
    LR_HDR_AUTHENTICATION_INFO = 20,
    /**
     * Proxy-Authentication-Info, RFC 7615.
     */
    LR_HDR_PROXY_AUTHENTICATION_INFO = 21,
    /**
     * Require, RFC 3261 20.32.
     */
    LR_HDR_REQUIRE = 22,
    /**
     * Proxy-Require, RFC 3261 20.29.
     */
    LR_HDR_PROXY_REQUIRE = 23,
    /**
     * Supported, RFC 3261 20.37.
     */
    LR_HDR_SUPPORTED = 24,
    /**
     * Unsupported, RFC 3261 20.40.
     */
    LR_HDR_UNSUPPORTED = 25,
    /**
     * Allow, RFC 3261 20.5.
     */
    LR_HDR_ALLOW = 26,
    /**
     * Allow-Events, RFC 6665 8.2.2.
     */
    LR_HDR_ALLOW_EVENTS = 27,
    /**
     * Event, RFC 6665 8.2.1.
     */
    LR_HDR_EVENT = 28,
    /**
     * Subscription-State, RFC 6665 8.2.3.
     */
    LR_HDR_SUBSCRIPTION_STATE = 29,
    /**
     * SIP-ETag, RFC 3903 11.3.1.
     */
    LR_HDR_SIP_ETAG = 30,
    /**
     * SIP-If-Match, RFC 3903 11.3.2.
     */
    LR_HDR_SIP_IF_MATCH = 31,
    /**
     * Accept, RFC 3261 20.1.
     */
    LR_HDR_ACCEPT = 32,
    /**
     * Accept-Encoding, RFC 3261 20.2.
     */
    LR_HDR_ACCEPT_ENCODING = 33,
    /**
     * Accept-Language, RFC 3261 20.3.
     */
    LR_HDR_ACCEPT_LANGUAGE = 34,
    /**
     * Accept-Contact, RFC 3841 9.2.
     */
    LR_HDR_ACCEPT_CONTACT = 35,
    /**
     * Reject-Contact, RFC 3841 9.2.
     */
    LR_HDR_REJECT_CONTACT = 36,
    /**
     * Request-Disposition, RFC 3841 9.1.
     */
    LR_HDR_REQUEST_DISPOSITION = 37,
    /**
     * Accept-Resource-Priority, RFC 4412 3.2.
     */
    LR_HDR_ACCEPT_RESOURCE_PRIORITY = 38,
    /**
     * Resource-Priority, RFC 4412 3.1.
     */
    LR_HDR_RESOURCE_PRIORITY = 39,
    /**
     * Alert-Info, RFC 3261 20.4.
     */
    LR_HDR_ALERT_INFO = 40,
    /**
     * Call-Info, RFC 3261 20.9.
     */
    LR_HDR_CALL_INFO = 41,
    /**
     * Error-Info, RFC 3261 20.18.
     */
    LR_HDR_ERROR_INFO = 42,
    /**
     * Answer-Mode, RFC 5373.
     */
    LR_HDR_ANSWER_MODE = 43,
    /**
     * Priv-Answer-Mode, RFC 5373.
     */
    LR_HDR_PRIV_ANSWER_MODE = 44,
    /**
     * Content-Disposition, RFC 3261 20.11.
     */
    LR_HDR_CONTENT_DISPOSITION = 45,
    /**
     * Content-Encoding, RFC 3261 20.12.
     */
    LR_HDR_CONTENT_ENCODING = 46,
    /**
     * Content-Language, RFC 3261 20.13.
     */
    LR_HDR_CONTENT_LANGUAGE = 47,
    /**
     * Date, RFC 3261 20.17.
     */
    LR_HDR_DATE = 48,
    /**
     * Diversion, RFC 5806.
     */
    LR_HDR_DIVERSION = 49,
    /**
     * Flow-Timer, RFC 5626 11.4.
     */
    LR_HDR_FLOW_TIMER = 50,
    /**
     * Geolocation, RFC 6442 4.1.
     */
    LR_HDR_GEOLOCATION = 51,
    /**
     * Geolocation-Error, RFC 6442 4.3.
     */
    LR_HDR_GEOLOCATION_ERROR = 52,
    /**
     * Geolocation-Routing, RFC 6442 4.2.
     */
    LR_HDR_GEOLOCATION_ROUTING = 53,
    /**
     * History-Info, RFC 7044.
     */
    LR_HDR_HISTORY_INFO = 54,
    /**
     * Identity, RFC 8224 4.
     */
    LR_HDR_IDENTITY = 55,
    /**
     * Identity-Info, RFC 4474 9.
     */
    LR_HDR_IDENTITY_INFO = 56,
    /**
     * In-Reply-To, RFC 3261 20.21.
     */
    LR_HDR_IN_REPLY_TO = 57,
    /**
     * Info-Package, RFC 6086 10.8.
     */
    LR_HDR_INFO_PACKAGE = 58,
    /**
     * Recv-Info, RFC 6086 10.9.
     */
    LR_HDR_RECV_INFO = 59,
    /**
     * Join, RFC 3911 7.1.
     */
    LR_HDR_JOIN = 60,
    /**
     * Replaces, RFC 3891 6.1.
     */
    LR_HDR_REPLACES = 61,
    /**
     * Refer-To, RFC 3515 2.1.
     */
    LR_HDR_REFER_TO = 62,
    /**
     * Referred-By, RFC 3892 3.
     */
    LR_HDR_REFERRED_BY = 63,
    /**
     * Refer-Sub, RFC 4488 4.
     */
    LR_HDR_REFER_SUB = 64,
    /**
     * Refer-Events-At, RFC 7614.
     */
    LR_HDR_REFER_EVENTS_AT = 65,
    /**
     * Target-Dialog, RFC 4538 7.
     */
    LR_HDR_TARGET_DIALOG = 66,
    /**
     * Max-Breadth, RFC 5393 5.3.3.
     */
    LR_HDR_MAX_BREADTH = 67,
    /**
     * MIME-Version, RFC 3261 20.24.
     */
    LR_HDR_MIME_VERSION = 68,
    /**
     * Min-SE, RFC 4028 5.
     */
    LR_HDR_MIN_SE = 69,
    /**
     * Session-Expires, RFC 4028 4.
     */
    LR_HDR_SESSION_EXPIRES = 70,
    /**
     * Session-ID, RFC 7989.
     */
    LR_HDR_SESSION_ID = 71,
    /**
     * Organization, RFC 3261 20.25.
     */
    LR_HDR_ORGANIZATION = 72,
    /**
     * P-Access-Network-Info, RFC 7315 4.4.
     */
    LR_HDR_P_ACCESS_NETWORK_INFO = 73,
    /**
     * P-Asserted-Identity, RFC 3325 9.1.
     */
    LR_HDR_P_ASSERTED_IDENTITY = 74,
    /**
     * P-Preferred-Identity, RFC 3325 9.2.
     */
    LR_HDR_P_PREFERRED_IDENTITY = 75,
    /**
     * P-Asserted-Service, RFC 6050 4.1.
     */
    LR_HDR_P_ASSERTED_SERVICE = 76,
    /**
     * P-Preferred-Service, RFC 6050 4.2.
     */
    LR_HDR_P_PREFERRED_SERVICE = 77,
    /**
     * P-Associated-URI, RFC 7315 4.1.
     */
    LR_HDR_P_ASSOCIATED_URI = 78,
    /**
     * P-Called-Party-ID, RFC 7315 4.2.
     */
    LR_HDR_P_CALLED_PARTY_ID = 79,
    /**
     * P-Charging-Function-Addresses, RFC 7315 4.5.
     */
    LR_HDR_P_CHARGING_FUNCTION_ADDRESSES = 80,
    /**
     * P-Charging-Vector, RFC 7315 4.6.
     */
    LR_HDR_P_CHARGING_VECTOR = 81,
    /**
     * P-Visited-Network-ID, RFC 7315 4.3.
     */
    LR_HDR_P_VISITED_NETWORK_ID = 82,
    /**
     * P-Early-Media, RFC 5009.
     */
    LR_HDR_P_EARLY_MEDIA = 83,
    /**
     * Permission-Missing, RFC 5360.
     */
    LR_HDR_PERMISSION_MISSING = 84,
    /**
     * Privacy, RFC 3323 4.2.
     */
    LR_HDR_PRIVACY = 85,
    /**
     * Priority, RFC 3261 20.26.
     */
    LR_HDR_PRIORITY = 86,
    /**
     * RAck, RFC 3262 7.2.
     */
    LR_HDR_RACK = 87,
    /**
     * RSeq, RFC 3262 7.1.
     */
    LR_HDR_RSEQ = 88,
    /**
     * Reason, RFC 3326.
     */
    LR_HDR_REASON = 89,
    /**
     * Remote-Party-ID, draft-ietf-sip-privacy-04.
     */
    LR_HDR_REMOTE_PARTY_ID = 90,
    /**
     * Reply-To, RFC 3261 20.31.
     */
    LR_HDR_REPLY_TO = 91,
    /**
     * Retry-After, RFC 3261 20.33.
     */
    LR_HDR_RETRY_AFTER = 92,
    /**
     * Security-Client, RFC 3329 2.2.
     */
    LR_HDR_SECURITY_CLIENT = 93,
    /**
     * Security-Server, RFC 3329 2.2.
     */
    LR_HDR_SECURITY_SERVER = 94,
    /**
     * Security-Verify, RFC 3329 2.2.
     */
    LR_HDR_SECURITY_VERIFY = 95,
    /**
     * Server, RFC 3261 20.35.
     */
    LR_HDR_SERVER = 96,
    /**
     * Subject, RFC 3261 20.36.
     */
    LR_HDR_SUBJECT = 97,
    /**
     * Suppress-If-Match, RFC 5839.
     */
    LR_HDR_SUPPRESS_IF_MATCH = 98,
    /**
     * Timestamp, RFC 3261 20.38.
     */
    LR_HDR_TIMESTAMP = 99,
    /**
     * Trigger-Consent, RFC 5360.
     */
    LR_HDR_TRIGGER_CONSENT = 100,
    /**
     * User-Agent, RFC 3261 20.41.
     */
    LR_HDR_USER_AGENT = 101,
    /**
     * User-to-User, RFC 7433.
     */
    LR_HDR_USER_TO_USER = 102,
    /**
     * Warning, RFC 3261 20.43.
     */
    LR_HDR_WARNING = 103,
    /**
     * Feature-Caps, RFC 6809.
     */
    LR_HDR_FEATURE_CAPS = 104,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum lr_hdr_type lr_hdr_type;
#else
typedef int32_t lr_hdr_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The method of a request (Kamailio's `request_method`). The numbers are fixed; later versions may
 * have more.
 */
enum lr_method
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Any other; told apart by its name. Also that of a response.
     */
    LR_METHOD_OTHER = 0,
    /**
     * INVITE, RFC 3261 13.
     */
    LR_METHOD_INVITE = 1,
    /**
     * ACK, RFC 3261 13.
     */
    LR_METHOD_ACK = 2,
    /**
     * BYE, RFC 3261 15.
     */
    LR_METHOD_BYE = 3,
    /**
     * CANCEL, RFC 3261 9.
     */
    LR_METHOD_CANCEL = 4,
    /**
     * REGISTER, RFC 3261 10.
     */
    LR_METHOD_REGISTER = 5,
    /**
     * OPTIONS, RFC 3261 11.
     */
    LR_METHOD_OPTIONS = 6,
    /**
     * SUBSCRIBE, RFC 6665.
     */
    LR_METHOD_SUBSCRIBE = 7,
    /**
     * NOTIFY, RFC 6665.
     */
    LR_METHOD_NOTIFY = 8,
    /**
     * PUBLISH, RFC 3903.
     */
    LR_METHOD_PUBLISH = 9,
    /**
     * MESSAGE, RFC 3428.
     */
    LR_METHOD_MESSAGE = 10,
    /**
     * INFO, RFC 6086.
     */
    LR_METHOD_INFO = 11,
    /**
     * PRACK, RFC 3262.
     */
    LR_METHOD_PRACK = 12,
    /**
     * UPDATE, RFC 3311.
     */
    LR_METHOD_UPDATE = 13,
    /**
     * REFER, RFC 3515.
     */
    LR_METHOD_REFER = 14,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum lr_method lr_method;
#else
typedef int32_t lr_method;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What an lr_value holds.
 */
enum lr_value_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing.
     */
    LR_VALUE_NONE = 0,
    /**
     * An integer: `number`.
     */
    LR_VALUE_INT = 1,
    /**
     * A text: `text`.
     */
    LR_VALUE_TEXT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum lr_value_kind lr_value_kind;
#else
typedef int32_t lr_value_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A transport protocol of SIP.
 */
enum lr_proto
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * UDP.
     */
    LR_UDP = 1,
    /**
     * TCP.
     */
    LR_TCP = 2,
    /**
     * TLS over TCP.
     */
    LR_TLS = 3,
    /**
     * SCTP.
     */
    LR_SCTP = 4,
    /**
     * WebSocket.
     */
    LR_WS = 5,
    /**
     * WebSocket over TLS.
     */
    LR_WSS = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum lr_proto lr_proto;
#else
typedef int32_t lr_proto;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How serious a log record is; Kamailio's numbers.
 */
enum lr_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The engine must stop.
     */
    LR_LOG_CRITICAL = -2,
    /**
     * Something failed that an operator must mend.
     */
    LR_LOG_ERROR = -1,
    /**
     * Something is wrong but was handled.
     */
    LR_LOG_WARNING = 1,
    /**
     * Normal but worth a line.
     */
    LR_LOG_NOTICE = 2,
    /**
     * One line an event.
     */
    LR_LOG_INFO = 3,
    /**
     * For developers.
     */
    LR_LOG_DEBUG = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum lr_log_level lr_log_level;
#else
typedef int32_t lr_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * An engine. Made by `lr_engine_new`, freed by `lr_engine_free`. All its functions may be called
 * from any thread; those that drive it wait for each other. The pointer is the key of a table
 * and points to nothing: used after the engine was freed, it is answered `LR_GONE`.
 */
typedef struct lr_engine lr_engine;

/**
 * A view of text (Kamailio's `str`): `len` bytes at `ptr`, not NUL-terminated. It owns nothing; each function says
 * how long its views live. Print one with `printf("%.*s", (int)s.len, s.ptr)`.
 */
typedef struct lr_str {
    /**
     * The first byte; never NULL in what the library hands out.
     */
    const char *ptr;
    /**
     * How many bytes.
     */
    size_t len;
} lr_str;

/**
 * A value: an argument of a function, a field of an event. It owns nothing: its text is a view.
 */
typedef struct lr_value {
    /**
     * Which of the two below counts.
     */
    lr_value_kind kind;
    /**
     * The integer.
     */
    int64_t number;
    /**
     * The text.
     */
    struct lr_str text;
} lr_value;

/**
 * The parts of a URI: views into the text it was parsed from, escapes and case as they are.
 */
typedef struct lr_uri {
    /**
     * The scheme, as `sip`.
     */
    struct lr_str scheme;
    /**
     * The user part of sip and sips, or the number of tel; empty when there is none.
     */
    struct lr_str user;
    /**
     * The host of sip and sips, an IPv6 address in its brackets; empty otherwise.
     */
    struct lr_str host;
    /**
     * The port of sip and sips; 0 when there is none.
     */
    uint16_t port;
    /**
     * All parameters, each with its semicolon before it.
     */
    struct lr_str parameters;
} lr_uri;

/**
 * The detail of a failure. Belongs to the caller, who may leave it uninitialised or pass NULL; it
 * is only written when the function fails, and needs no freeing.
 */
typedef struct lr_error {
    /**
     * What the function answered.
     */
    lr_status status;
    /**
     * What was wrong, in English, UTF-8, NUL-terminated; cut to fit.
     */
    char text[LR_ERROR_TEXT];
} lr_error;

/**
 * Where a text stands: `len` bytes from `offset` on, counted from the first byte that was given to
 * the parser (Kamailio's `str`, which points instead). What is not there has no length.
 *
 * `lr_view_of` makes it an `lr_str`; or print it with
 * `printf("%.*s", (int)v.len, bytes + v.offset)`.
 */
typedef struct lr_view {
    /**
     * The first byte.
     */
    uint32_t offset;
    /**
     * How many bytes.
     */
    uint32_t len;
} lr_view;

/**
 * A URI taken apart (Kamailio's `sip_uri`), escapes and case as they are. What it does not have is
 * empty.
 */
typedef struct lr_sip_uri {
    /**
     * The whole URI.
     */
    struct lr_view uri;
    /**
     * Which scheme it is of.
     */
    lr_uri_scheme scheme;
    /**
     * The scheme as it is written.
     */
    struct lr_view scheme_name;
    /**
     * The user part of sip and sips; the number of tel.
     */
    struct lr_view user;
    /**
     * The password of sip and sips.
     */
    struct lr_view password;
    /**
     * The host of sip and sips, an IPv6 address in its brackets.
     */
    struct lr_view host;
    /**
     * Whether sip or sips has a port.
     */
    bool has_port;
    /**
     * The port; 0 when there is none.
     */
    uint16_t port;
    /**
     * All parameters of sip, sips and tel, each with its semicolon before it; `lr_param_next` takes
     * them apart.
     */
    struct lr_view params;
    /**
     * What stands behind the question mark of sip and sips.
     */
    struct lr_view headers;
    /**
     * The value of the parameter `transport`.
     */
    struct lr_view transport;
    /**
     * The value of the parameter `user`, as `phone`.
     */
    struct lr_view user_param;
    /**
     * The value of the parameter `method`.
     */
    struct lr_view method;
    /**
     * The value of the parameter `ttl`.
     */
    struct lr_view ttl;
    /**
     * The value of the parameter `maddr`.
     */
    struct lr_view maddr;
    /**
     * The value of the parameter `gr` (RFC 5627); empty also when it has none.
     */
    struct lr_view gr;
    /**
     * Whether there is a parameter `lr`: the proxy routes loosely.
     */
    bool lr;
} lr_sip_uri;

/**
 * The detail of a failure of the parser. Belongs to the caller, who may leave it uninitialised or
 * pass NULL; it is only written when the function fails, and needs no freeing.
 */
typedef struct lr_parse_error {
    /**
     * The status and the text, as everywhere. Malformed text is `LR_MESSAGE`.
     */
    struct lr_error error;
    /**
     * Offset of the byte that did not fit, in the text that was given; 0 when it is about no byte.
     */
    uint32_t offset;
    /**
     * The header it is about; `LR_HDR_OTHER` when it is about none or one without a name here.
     */
    lr_hdr_type header;
    /**
     * The status code that a server should answer with, as 400, 414, 416, 505, 513; 0 when the
     * mistake is not the peer's. A malformed response is dropped instead (RFC 3261 18.1.2).
     */
    uint16_t code;
    /**
     * The reason phrase of that answer, as `Bad Via`; NUL-terminated, empty when there is no code.
     */
    char reason[LR_REASON_TEXT];
} lr_parse_error;

/**
 * An address with its parameters (Kamailio's `to_body`, which it uses for To and From, and its
 * `rr_t` of Route and Record-Route).
 */
typedef struct lr_to_body {
    /**
     * The whole value, from the display name to the last parameter.
     */
    struct lr_view body;
    /**
     * The display name, a quoted one with its quotes; empty when there is none.
     */
    struct lr_view display;
    /**
     * The URI without its angle brackets; `lr_parse_uri_at` takes it apart. Only its scheme has
     * been judged.
     */
    struct lr_view uri;
    /**
     * The parameters of the header, not of the URI, each with its semicolon before it;
     * `lr_param_next` takes them apart.
     */
    struct lr_view params;
    /**
     * The value of the parameter `tag`; empty when there is none.
     */
    struct lr_view tag;
} lr_to_body;

/**
 * A value of a Contact header (Kamailio's `contact_t`).
 */
typedef struct lr_contact {
    /**
     * Whether it is `*`, which removes every binding (RFC 3261 10.2.2); then the rest is empty.
     */
    bool star;
    /**
     * The address.
     */
    struct lr_to_body address;
    /**
     * The parameter `q` in thousandths, 0 to 1000; -1 when it is absent or malformed.
     */
    int32_t q;
    /**
     * Whether there is a parameter `expires`.
     */
    bool has_expires;
    /**
     * Its seconds; 3600 when it is malformed (RFC 3261 10.2.1.1), the largest when it is too large.
     */
    uint32_t expires;
} lr_contact;

/**
 * A value of a Via header (Kamailio's `via_body`; RFC 3261 20.42, RFC 3581). What it does not have
 * is empty.
 */
typedef struct lr_via_body {
    /**
     * The whole value, from the protocol to the last parameter.
     */
    struct lr_view body;
    /**
     * The protocol's name, as `SIP`.
     */
    struct lr_view name;
    /**
     * The protocol's version, as `2.0`.
     */
    struct lr_view version;
    /**
     * The transport, as `UDP`.
     */
    struct lr_view transport;
    /**
     * Host and port as they are written.
     */
    struct lr_view sent_by;
    /**
     * The host, an IPv6 address in its brackets.
     */
    struct lr_view host;
    /**
     * Whether there is a port.
     */
    bool has_port;
    /**
     * The port; 0 when there is none.
     */
    uint16_t port;
    /**
     * All parameters, each with its semicolon before it; `lr_param_next` takes them apart.
     */
    struct lr_view params;
    /**
     * The parameter `branch`.
     */
    struct lr_view branch;
    /**
     * The parameter `received`, an IPv6 address with or without brackets.
     */
    struct lr_view received;
    /**
     * The parameter `maddr`.
     */
    struct lr_view maddr;
    /**
     * Whether there is a parameter `rport`.
     */
    bool has_rport;
    /**
     * Its port; 0 when it has none, as in a request that asks for it.
     */
    uint16_t rport;
    /**
     * Whether there is a parameter `ttl` that is a number up to 255.
     */
    bool has_ttl;
    /**
     * That number.
     */
    uint8_t ttl;
} lr_via_body;

/**
 * A parameter (Kamailio's `param_t` and `to_param`).
 */
typedef struct lr_param {
    /**
     * Its name.
     */
    struct lr_view name;
    /**
     * Whether it has a value: `lr` has none.
     */
    bool has_value;
    /**
     * The value, a quoted one with its quotes.
     */
    struct lr_view value;
} lr_param;

/**
 * The value of a CSeq header (Kamailio's `cseq_body`).
 */
typedef struct lr_cseq_body {
    /**
     * The number.
     */
    uint32_t number;
    /**
     * The method.
     */
    lr_method method;
    /**
     * The method as it is written.
     */
    struct lr_view method_name;
} lr_cseq_body;

/**
 * How much one message may take before it is refused with a 513 or 414. 0 stands for the default.
 */
typedef struct lr_parse_limits {
    /**
     * Bytes of start line and headers, at most and by default 65,535.
     */
    uint32_t head;
    /**
     * Bytes of the body; by default 1 MiB.
     */
    uint32_t body;
    /**
     * Header fields; by default 256.
     */
    uint32_t headers;
    /**
     * Bytes of one header field with its folds; by default 32 KiB.
     */
    uint32_t line;
    /**
     * Bytes of the Request-URI; by default 8 KiB.
     */
    uint32_t uri;
    /**
     * Parameters of one header value or URI, as `lr_msg_check` counts them; by default 128.
     */
    uint32_t params;
} lr_parse_limits;

/**
 * A message being parsed, and its edits (Kamailio's `sip_msg`), as a 64-bit id checked by
 * generation. Made by `lr_sip_msg_new`, filled by `lr_parse_msg` as often as wanted, freed by
 * `lr_sip_msg_free`. It keeps a copy of the text, in memory that is used again: after the first
 * messages, one of up to 24 headers takes no heap memory.
 *
 * Before `lr_parse_msg` has found a start line, the other functions answer `LR_STATE`. All views
 * count from the first byte that was given to it, so that they are good for the program's own buffer.
 * Usable from any thread; needs no engine.
 */
typedef uint64_t lr_sip_msg;

/**
 * Where a walk over headers or over their values is. All 0 before the first; once over, it stays so.
 */
typedef struct lr_iter {
    /**
     * How many header lines lie behind it.
     */
    uint32_t line;
    /**
     * How much of the next one does.
     */
    uint32_t at;
} lr_iter;

/**
 * A header field (Kamailio's `hdr_field`).
 */
typedef struct lr_hdr_field {
    /**
     * Which header it is.
     */
    lr_hdr_type id;
    /**
     * Its name as it is written, full or compact.
     */
    struct lr_view name;
    /**
     * Its value without white space at either end; folds are still inside.
     */
    struct lr_view body;
    /**
     * The whole line or lines with the last line end: what `lr_msg_remove` takes.
     */
    struct lr_view line;
} lr_hdr_field;

/**
 * The start line (Kamailio's `msg_start`).
 */
typedef struct lr_msg_start {
    /**
     * Whether it is a request; else a response.
     */
    bool is_request;
    /**
     * The whole line with its line end.
     */
    struct lr_view line;
    /**
     * The version, as `SIP/2.0`.
     */
    struct lr_view version;
    /**
     * The method of a request.
     */
    lr_method method;
    /**
     * The method of a request as it is written; empty for a response.
     */
    struct lr_view method_name;
    /**
     * The Request-URI; empty for a response. `lr_msg_uri` takes it apart.
     */
    struct lr_view uri;
    /**
     * The status code of a response, 100 to 699; 0 for a request.
     */
    uint16_t status;
    /**
     * The reason phrase of a response; empty for a request.
     */
    struct lr_view reason;
} lr_msg_start;

/**
 * A transport address. Plain data: copy it as you like.
 */
typedef struct lr_address {
    /**
     * The protocol, an `lr_proto`.
     */
    lr_proto proto;
    /**
     * The port.
     */
    uint16_t port;
    /**
     * The IPv4 or IPv6 address as text, without brackets, NUL-terminated.
     */
    char host[LR_HOST_TEXT];
} lr_address;

/**
 * What an engine is to be built with, as a 64-bit id checked by generation. Made by
 * `lr_config_new`, freed by `lr_config_free`; may serve for several engines, from any thread.
 */
typedef uint64_t lr_config;

/**
 * One request on its way through a route, as a 64-bit id checked by generation. Good from the
 * routing callback on until the route has ended, and then `LR_GONE`; usable only within the
 * callbacks of that very call.
 */
typedef uint64_t lr_call;

/**
 * The routing callback: every request enters here, on the worker that received it, **possibly on
 * several workers at once**. It must not block. It looks at the request, asks for actions, and
 * returns; the actions it asked for are then performed in order.
 *
 * Answer `LR_OK` when all is said, `LR_PENDING` when `lr_call_pending` was called, and any other
 * status to have the request answered with a 500 and the status logged.
 */
typedef lr_status (*lr_route_cb)(struct lr_engine *engine, lr_call call, void *user);

/**
 * Takes one log record: its level (an `lr_log_level`), the module it is of and a line of text,
 * both good until the callback returns. **Possibly on several workers at once.** It must not
 * block.
 */
typedef void (*lr_log_cb)(lr_log_level level, const char *module, const char *text, void *user);

/**
 * A field of an event.
 */
typedef struct lr_event_field {
    /**
     * Its name.
     */
    struct lr_str name;
    /**
     * Its value.
     */
    struct lr_value value;
} lr_event_field;

/**
 * An event of the engine, as `usrloc:contact-expired`. It and its texts are good until the
 * callback returns.
 */
typedef struct lr_event {
    /**
     * Its name.
     */
    struct lr_str name;
    /**
     * Its fields.
     */
    const struct lr_event_field *fields;
    /**
     * How many.
     */
    size_t count;
} lr_event;

/**
 * Takes one event. **Possibly on several workers at once.** It must not block, and cannot act on
 * the call that caused the event.
 */
typedef void (*lr_event_cb)(const struct lr_event *event, void *user);

/**
 * Called from any thread when another thread has left something for the engine: tell the thread
 * that drives it. It must not drive the engine itself.
 */
typedef void (*lr_wakeup_cb)(void *user);

/**
 * A time, as the program tells it.
 */
typedef struct lr_time {
    /**
     * Nanoseconds of a monotonic clock of the program's choice, as CLOCK_MONOTONIC. Never goes
     * back.
     */
    uint64_t mono_ns;
    /**
     * Nanoseconds since 1970 (UTC).
     */
    uint64_t wall_ns;
} lr_time;

/**
 * A message that is to be sent.
 */
typedef struct lr_output {
    /**
     * Where to, and over what.
     */
    struct lr_address to;
    /**
     * The listen address to send it from; its `proto` is 0 when none fits `to`.
     */
    struct lr_address from;
    /**
     * The whole message; good until the next `lr_engine_poll_output` of this engine or its end.
     */
    struct lr_str bytes;
} lr_output;

/**
 * Called exactly once when an action is done, on the call's worker, never from within the
 * function that asked for it and never under a lock. It may ask for further actions.
 *
 * `status` is `LR_OK` or why the action failed, with `detail` in English (never NULL; good until
 * the callback returns). `value` is what the action came to: 1 for done or true, 0 for false; for
 * `lr_call_function` the function's own number; after a failure the code of the answer that the
 * request deserves, which was not sent. With `LR_GONE` the route ended before or while the action
 * was performed, and `call` can no longer be used.
 */
typedef void (*lr_done_cb)(lr_call call,
                           lr_status status,
                           int64_t value,
                           const char *detail,
                           void *user);

/**
 * Called exactly once when a wait of the host ends, on the call's worker. `status` is `LR_OK`
 * with the `value` of `lr_engine_resume`, `LR_TIMEOUT` after the deadline, `LR_SHUTDOWN`, or
 * `LR_GONE` when the route ended before it came to wait; without `LR_OK` the value is the code of
 * the answer that the request deserves. It may ask for further actions.
 */
typedef void (*lr_resume_cb)(lr_call call, lr_status status, int64_t value, void *user);

/**
 * A message that the program owns, as it came, as a 64-bit id checked by generation. Made by
 * `lr_call_retain`, freed by `lr_message_free`; usable from any thread and after the engine's end.
 */
typedef uint64_t lr_message;

/**
 * A lock (Kamailio's `gen_lock_t`), as a 64-bit id checked by generation. Made by `lr_lock_alloc`,
 * given a name by `lr_lock_init`, ended by `lr_lock_destroy` and freed by `lr_lock_dealloc`. Usable
 * from any thread; it may outlive its engine.
 *
 * It knows its holder: `core.locks` lists it with the thread, the place and the time it was taken,
 * and the watchdog names it when it is held too long. Every mistake is a status: released by a
 * thread that does not hold it `LR_WRONG_THREAD`; taken twice by one thread, taken against the
 * order, destroyed while held, used before `_init` or after `_destroy` `LR_STATE`.
 *
 * **The order.** A thread that holds a lock waits only for one of a higher level, or for a later
 * one of the same set; anything else might be a deadlock, and is `LR_STATE` before it can be one.
 */
typedef uint64_t lr_lock;

/**
 * Locks under one name, told apart by a number (Kamailio's `gen_lock_set_t`). Otherwise as
 * `lr_lock`.
 */
typedef uint64_t lr_lock_set;

/**
 * Called on a worker when a timer is due. It must not block.
 */
typedef void (*lr_timer_cb)(struct lr_engine *engine, void *user);

/**
 * A timer of an engine, as a 64-bit number that is never given twice; 0 is none.
 */
typedef uint64_t lr_timer;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that is linked, as `0.1.0`. Static text, never NULL.
 */
const char *lr_version(void);

/**
 * The ABI number of the library that is linked; that of the header is `LR_ABI`.
 */
int32_t lr_abi(void);

/**
 * The name of a status and one line about it, as `LR_GONE: …`. Static text, never NULL; for a
 * number that this version does not know it says so.
 */
const char *lr_status_text(lr_status status);

/**
 * Whether `a` and `b` are the same bytes. A view whose pointer is NULL counts as empty.
 */
bool lr_str_equal(struct lr_str a, struct lr_str b);

/**
 * Whether `a` is exactly the NUL-terminated `text`. False when `text` is NULL.
 */
bool lr_str_is(struct lr_str a, const char *text);

/**
 * Frees a string that the library handed out as `char *`, and nothing else. `LR_NULL` for NULL,
 * which does no harm.
 */
lr_status lr_string_free(char *string);

/**
 * An integer as a value.
 */
struct lr_value lr_int(int64_t number);

/**
 * A NUL-terminated text as a value; a view of it. NULL is a value of the kind NONE.
 */
struct lr_value lr_text(const char *text);

/**
 * Takes a URI apart (RFC 3261 19.1, RFC 3966). `LR_INVALID_ARGUMENT` when it is malformed, with
 * the place in the detail. The views live as long as the text of `uri` does.
 */
lr_status lr_uri_parse(struct lr_str uri, struct lr_uri *parts, struct lr_error *error);

/**
 * The user part of a URI, a view into it; empty when it has none or is malformed.
 */
struct lr_str lr_uri_user(struct lr_str uri);

/**
 * The text of a view (Kamailio's `str`) in the `len` bytes at `text`, which it points into; empty when the view does
 * not lie inside, and when `text` is NULL.
 */
struct lr_str lr_view_of(const char *text,
                         size_t len,
                         struct lr_view view);

/**
 * Whether the view in the `len` bytes at `text` is exactly the NUL-terminated `expected`, as
 * Kamailio's `STR_EQ` compares a `str`. False
 * when it does not lie inside, and when either is NULL.
 */
bool lr_view_is(const char *text, size_t len, struct lr_view view, const char *expected);

/**
 * Takes a URI apart (Kamailio's `parse_uri`): sip and sips (RFC 3261 19.1), tel (RFC 3966), and all
 * others as far as their scheme. All `len` bytes at `text` must be the URI; views count from
 * `text`. `LR_MESSAGE` when it is malformed. `lr_uri_parse` answers pointers instead.
 */
lr_status lr_parse_uri(const char *text,
                       size_t len,
                       struct lr_sip_uri *uri,
                       struct lr_parse_error *error);

/**
 * As `lr_parse_uri` (Kamailio's `parse_uri`), for the URI that stands at `view` in the `len` bytes at `text`, such as the
 * `uri` of an lr_to_body; views count from `text` again.
 */
lr_status lr_parse_uri_at(const char *text,
                          size_t len,
                          struct lr_view view,
                          struct lr_sip_uri *uri,
                          struct lr_parse_error *error);

/**
 * Takes the value of a To header apart (Kamailio's `parse_to`): all `len` bytes at `text`, without
 * the header's name and line end; views count from `text`. `LR_MESSAGE` when it is malformed.
 */
lr_status lr_parse_to(const char *text,
                      size_t len,
                      struct lr_to_body *to,
                      struct lr_parse_error *error);

/**
 * Takes the value of a From header apart (Kamailio's `parse_from_header`), as `lr_parse_to`.
 */
lr_status lr_parse_from(const char *text,
                        size_t len,
                        struct lr_to_body *from,
                        struct lr_parse_error *error);

/**
 * Takes the next address of a comma list apart, such as the value of a Route or Record-Route header
 * (Kamailio's `parse_rr`). `*at` is 0 at first, and afterwards where the next call goes on;
 * `LR_NOT_FOUND` when there is no further one. Views count from `text`. When an address is
 * malformed, `LR_MESSAGE`, the list ends there.
 */
lr_status lr_parse_route(const char *text,
                         size_t len,
                         uint32_t *at,
                         struct lr_to_body *route,
                         struct lr_parse_error *error);

/**
 * Takes the next value of a Contact header apart (Kamailio's `parse_contact`), as `lr_parse_route`.
 */
lr_status lr_parse_contact(const char *text,
                           size_t len,
                           uint32_t *at,
                           struct lr_contact *contact,
                           struct lr_parse_error *error);

/**
 * Takes the next value of a Via header apart (Kamailio's `parse_via`), of which there may be
 * several between commas: `*at` is 0 at first, and afterwards where the next call goes on;
 * `LR_NOT_FOUND` when there is no further one. Views count from `text`. When a value is malformed,
 * `LR_MESSAGE`, the list ends there.
 */
lr_status lr_parse_via(const char *text,
                       size_t len,
                       uint32_t *at,
                       struct lr_via_body *via,
                       struct lr_parse_error *error);

/**
 * Takes the next parameter apart (Kamailio's `parse_params`) of `params`, which is the view of
 * parameters in the `len` bytes at `text` that another function has answered. `*at` is 0 at first,
 * and afterwards where the next call goes on; `LR_NOT_FOUND` when there is no further one. Views
 * count from `text`.
 */
lr_status lr_param_next(const char *text,
                        size_t len,
                        struct lr_view params,
                        uint32_t *at,
                        struct lr_param *param,
                        struct lr_parse_error *error);

/**
 * Takes the value of a CSeq header apart (Kamailio's `parse_cseq`): all `len` bytes at `text`;
 * views count from `text`. `LR_MESSAGE` when it is malformed.
 */
lr_status lr_parse_cseq(const char *text,
                        size_t len,
                        struct lr_cseq_body *cseq,
                        struct lr_parse_error *error);

/**
 * Makes an empty message (Kamailio's `sip_msg` stands on the stack or in its memory), to be filled
 * by `lr_parse_msg`. `limits` may be NULL. The caller frees it
 * with `lr_sip_msg_free`. `LR_LIMIT` when there are too many.
 */
lr_status lr_sip_msg_new(const struct lr_parse_limits *limits,
                         lr_sip_msg *msg,
                         struct lr_error *error);

/**
 * Frees a message (Kamailio's `free_sip_msg`). `LR_GONE` when it was freed before.
 */
lr_status lr_sip_msg_free(lr_sip_msg msg);

/**
 * Begins a message (Kamailio's `parse_msg`): reads the start line and the headers up to the first
 * Via, or to the end when there is none. What `msg` held before is forgotten with its edits. The
 * bytes are copied. Line ends in front are skipped (RFC 3261 7.5), but counted in offsets.
 *
 * `LR_MESSAGE` when it is malformed so far; when it is not the start line, what stands before the
 * malformed header can still be read. What follows the first Via is judged when it is read.
 */
lr_status lr_parse_msg(lr_sip_msg msg, const char *text, size_t len, struct lr_parse_error *error);

/**
 * Reads on from where the last step stopped (Kamailio's `parse_headers`) until each header of
 * `until` was found at least once, or the head ends: `LR_HDR_F(LR_HDR_TO) | LR_HDR_F(LR_HDR_CSEQ)`,
 * or `LR_HDR_EOH_F` for all. With `next`, reads on to the next header of `until` even when one was
 * found before. `found` receives the mask of all headers found so far, those with a number up to
 * 62; it may be NULL. That a header is not there is no failure.
 *
 * `LR_MESSAGE` when a header line is malformed, now and at every further step; the headers before
 * it can still be read. The other functions read on by themselves as far as they need.
 */
lr_status lr_parse_headers(lr_sip_msg msg,
                           uint64_t until,
                           bool next,
                           uint64_t *found,
                           struct lr_parse_error *error);

/**
 * Judges the whole message: what every hop must understand is there, once, and well formed, that
 * is Request-URI, Via, From, To, Call-ID, CSeq and Max-Forwards; with `routing` also each value of
 * Route, Record-Route, Path, Service-Route and Contact. It does what the checks of Kamailio's
 * module sanity are for. `LR_MESSAGE` with the answer that the request deserves in `error`.
 */
lr_status lr_msg_check(lr_sip_msg msg, bool routing, struct lr_parse_error *error);

/**
 * The body (Kamailio's `get_body`), empty when there is none; and `end`, which may be NULL, the
 * offset behind the message: what follows it in a datagram is not part of it, and in a stream is
 * the next one. Reads the head to its end. `LR_MESSAGE` when the body is shorter than
 * Content-Length says.
 */
lr_status lr_msg_body(lr_sip_msg msg,
                      struct lr_view *body,
                      uint32_t *end,
                      struct lr_parse_error *error);

/**
 * The next header of the message, in the order in which they stand (in Kamailio, the list
 * `sip_msg.headers`). `*iter` is all 0 at first. `LR_NOT_FOUND` when there is no further one; when
 * a header line is malformed, `LR_MESSAGE` behind the last one before it, and then `LR_NOT_FOUND`.
 */
lr_status lr_msg_header_next(lr_sip_msg msg,
                             struct lr_iter *iter,
                             struct lr_hdr_field *header,
                             struct lr_parse_error *error);

/**
 * The next header of one identity (Kamailio's `get_hdr` and `next_sibling_hdr`), otherwise as
 * `lr_msg_header_next`; `LR_HDR_OTHER` is all without a name here.
 */
lr_status lr_msg_header_by_id(lr_sip_msg msg,
                              lr_hdr_type id,
                              struct lr_iter *iter,
                              struct lr_hdr_field *header,
                              struct lr_parse_error *error);

/**
 * The next header of that name, compared without case (Kamailio's `get_hdr_by_name`), otherwise as
 * `lr_msg_header_next`; a compact form and its full name find the same headers.
 */
lr_status lr_msg_header_by_name(lr_sip_msg msg,
                                const char *name,
                                struct lr_iter *iter,
                                struct lr_hdr_field *header,
                                struct lr_parse_error *error);

/**
 * The number of the header that a name means, full or compact, without case; `LR_HDR_OTHER` when it
 * has none here, and for NULL. (Kamailio's `parse_hname2` does that.)
 */
lr_hdr_type lr_hdr_of_name(const char *name);

/**
 * The start line (in Kamailio, `sip_msg.first_line`).
 */
lr_status lr_msg_first_line(lr_sip_msg msg,
                            struct lr_msg_start *start,
                            struct lr_parse_error *error);

/**
 * The Request-URI taken apart (Kamailio's `parse_sip_msg_uri`). `LR_STATE` for a response,
 * `LR_MESSAGE` when it is malformed.
 */
lr_status lr_msg_uri(lr_sip_msg msg, struct lr_sip_uri *uri, struct lr_parse_error *error);

/**
 * The To header (Kamailio's `get_to`). `LR_MESSAGE` when it is missing or malformed, or there is a
 * second one in what was read so far.
 */
lr_status lr_msg_to(lr_sip_msg msg, struct lr_to_body *to, struct lr_parse_error *error);

/**
 * The From header (Kamailio's `parse_from_header` and `get_from`), as `lr_msg_to`.
 */
lr_status lr_msg_from(lr_sip_msg msg, struct lr_to_body *from, struct lr_parse_error *error);

/**
 * The CSeq header (Kamailio's `get_cseq`), as `lr_msg_to`.
 */
lr_status lr_msg_cseq(lr_sip_msg msg, struct lr_cseq_body *cseq, struct lr_parse_error *error);

/**
 * The Call-ID (in Kamailio, the body of `sip_msg.callid`), as `lr_msg_to`.
 */
lr_status lr_msg_call_id(lr_sip_msg msg, struct lr_view *call_id, struct lr_parse_error *error);

/**
 * The next Via value of the message, the latest hop first (in Kamailio, `sip_msg.via1`, `via2` and
 * their lists). `*iter` is all 0 at first. `LR_NOT_FOUND` when there is no further one. When one is
 * malformed, `LR_MESSAGE`, the next call goes on with the next header line.
 */
lr_status lr_msg_via_next(lr_sip_msg msg,
                          struct lr_iter *iter,
                          struct lr_via_body *via,
                          struct lr_parse_error *error);

/**
 * The next Contact value of the message (Kamailio's `parse_contact`, over all Contact headers), as
 * `lr_msg_via_next`.
 */
lr_status lr_msg_contact_next(lr_sip_msg msg,
                              struct lr_iter *iter,
                              struct lr_contact *contact,
                              struct lr_parse_error *error);

/**
 * The next address of the headers `id`, whose values are addresses: `LR_HDR_ROUTE`,
 * `LR_HDR_RECORD_ROUTE` (Kamailio's `parse_rr`), `LR_HDR_PATH`, `LR_HDR_P_ASSERTED_IDENTITY`
 * (`parse_pai_header`), `LR_HDR_REFER_TO`, `LR_HDR_DIVERSION`, and so on; as `lr_msg_via_next`.
 */
lr_status lr_msg_address_next(lr_sip_msg msg,
                              lr_hdr_type id,
                              struct lr_iter *iter,
                              struct lr_to_body *address,
                              struct lr_parse_error *error);

/**
 * Puts the `len` bytes at `bytes` before the byte at `offset`, behind what was put there before
 * (Kamailio's `anchor_lump` with `insert_new_lump_after`). The offsets are those of the message as
 * it came, here and below. The bytes are copied, and stand for themselves: nothing is added.
 * `LR_INVALID_ARGUMENT` when the offset does not lie in the message, `LR_LIMIT` at `LR_MAX_EDITS`,
 * `LR_MESSAGE` when the message is malformed as a whole.
 */
lr_status lr_msg_insert(lr_sip_msg msg,
                        uint32_t offset,
                        const char *bytes,
                        size_t len,
                        struct lr_parse_error *error);

/**
 * Puts the `len` bytes at `bytes` in the place of a view of the message, such as a header's `body`
 * (Kamailio's `del_lump` with `insert_new_lump_after`), as `lr_msg_insert`. When the same view is
 * replaced again, the last one counts.
 */
lr_status lr_msg_replace(lr_sip_msg msg,
                         struct lr_view view,
                         const char *bytes,
                         size_t len,
                         struct lr_parse_error *error);

/**
 * Leaves out a view of the message, such as a header's `line` (Kamailio's `del_lump`), as
 * `lr_msg_insert`.
 */
lr_status lr_msg_remove(lr_sip_msg msg, struct lr_view view, struct lr_parse_error *error);

/**
 * Adds a header behind the last one (Kamailio's `append_hf`). `LR_INVALID_ARGUMENT` when the name is
 * no token or the value, `len` bytes, holds a line end.
 */
lr_status lr_msg_append_header(lr_sip_msg msg,
                               const char *name,
                               const char *value,
                               size_t len,
                               struct lr_parse_error *error);

/**
 * Adds a header before the first one of the same identity, behind the start line when there is none
 * (Kamailio's `insert_hf` with a header's name): how Via, Route and Record-Route are put on.
 * Otherwise as `lr_msg_append_header`.
 */
lr_status lr_msg_insert_header(lr_sip_msg msg,
                               const char *name,
                               const char *value,
                               size_t len,
                               struct lr_parse_error *error);

/**
 * Leaves out all headers of that name (Kamailio's `remove_hf`), compact form or not; `count`, which
 * may be NULL, receives how many.
 */
lr_status lr_msg_remove_headers(lr_sip_msg msg,
                                const char *name,
                                size_t *count,
                                struct lr_parse_error *error);

/**
 * Leaves out one value of a comma list of the headers `id`, such as the `body` of an lr_via_body or
 * lr_to_body: with its comma while others stay, with the whole header when none does (in Kamailio,
 * what `remove_hf_value` does). `LR_NOT_FOUND` when no such header holds it.
 */
lr_status lr_msg_remove_value(lr_sip_msg msg,
                              lr_hdr_type id,
                              struct lr_view value,
                              struct lr_parse_error *error);

/**
 * Puts a URI, `len` bytes, in the place of the Request-URI (Kamailio's `rewrite_uri`); the last one
 * counts. `LR_MESSAGE` when it is malformed, `LR_STATE` when the message is a response.
 */
lr_status lr_msg_set_uri(lr_sip_msg msg, const char *uri, size_t len, struct lr_parse_error *error);

/**
 * Puts `len` bytes in the place of the body (in Kamailio, what `set_body` does, but Content-Type is
 * left alone); the last ones count. Content-Length is made to fit when the message is written.
 */
lr_status lr_msg_set_body(lr_sip_msg msg,
                          const char *body,
                          size_t len,
                          struct lr_parse_error *error);

/**
 * Forgets all edits (in Kamailio, emptying the list `add_rm`).
 */
lr_status lr_msg_clear_edits(lr_sip_msg msg, struct lr_parse_error *error);

/**
 * Writes the message with its edits into the program's buffer of `size` bytes (Kamailio's
 * `build_req_buf_from_sip_req`, without what a proxy adds). `*len` receives how many bytes it has;
 * also when they are more than `size`, which is `LR_LIMIT`, and nothing is written then. `buffer`
 * may be NULL when `size` is 0. Without edits, these are the bytes of the message as they came.
 * Whether what the edits put in makes sense is told by `lr_parse_msg` of the result.
 */
lr_status lr_msg_write(lr_sip_msg msg,
                       char *buffer,
                       size_t size,
                       size_t *len,
                       struct lr_parse_error *error);

/**
 * Reads an address from text as `udp:10.0.0.1:5060` or `tcp:[::1]:5060`; without a protocol it is
 * UDP. `LR_INVALID_ARGUMENT` when the text is no address.
 */
lr_status lr_address_parse(const char *text, struct lr_address *address, struct lr_error *error);

/**
 * Makes an empty configuration. The caller frees it with `lr_config_free`; an engine does not
 * need it any more once `lr_engine_new` has returned.
 */
lr_status lr_config_new(lr_config *config, struct lr_error *error);

/**
 * Frees a configuration. `LR_GONE` when it was freed before.
 */
lr_status lr_config_free(lr_config config);

/**
 * Listens on `address`, as `udp:127.0.0.1:5060`, `tcp:[::1]:5060` or
 * `udp:10.0.0.1:5060 advertise sip.example.com:5060`. Without a transport it is both UDP and TCP;
 * port 0 lets the system pick one. May be called several times. The text is copied.
 */
lr_status lr_config_listen(lr_config config, const char *address, struct lr_error *error);

/**
 * Opens no socket: the program hands messages in and takes them out (`lr_engine_handle_input`).
 * The listen addresses are still those that Via and Record-Route show.
 */
lr_status lr_config_without_sockets(lr_config config, struct lr_error *error);

/**
 * Makes the engine responsible for a domain. May be called several times. The text is copied.
 */
lr_status lr_config_domain(lr_config config, const char *domain, struct lr_error *error);

/**
 * Adds an account in memory that the authentication actions know. The texts are copied.
 */
lr_status lr_config_account(lr_config config,
                            const char *user,
                            const char *realm,
                            const char *password,
                            struct lr_error *error);

/**
 * Adds an account written as `user:password@realm`. `LR_INVALID_ARGUMENT` when it is written
 * otherwise, with the place in the detail. The text is copied.
 */
lr_status lr_config_account_text(lr_config config, const char *account, struct lr_error *error);

/**
 * Sets an integer parameter of a module. Whether there is one of that name and range is told by
 * `lr_engine_new`. The texts are copied.
 */
lr_status lr_config_modparam_int(lr_config config,
                                 const char *module,
                                 const char *name,
                                 int64_t value,
                                 struct lr_error *error);

/**
 * Sets a string parameter of a module, as `lr_config_modparam_int`. The texts are copied.
 */
lr_status lr_config_modparam_str(lr_config config,
                                 const char *module,
                                 const char *name,
                                 const char *value,
                                 struct lr_error *error);

/**
 * Keeps locations at `url`, as `sqlite:///var/lib/sip/location.db`, and answers a REGISTER only
 * once its contacts are committed there. The text is copied.
 */
lr_status lr_config_location_store(lr_config config, const char *url, struct lr_error *error);

/**
 * Sets the routing callback, which every request enters; the last one set counts. `user` is
 * handed to it; it belongs to the caller and must outlive the engine. The callback runs on the
 * engine's workers, **possibly on several at once**.
 */
lr_status lr_config_route(lr_config config,
                          lr_route_cb callback,
                          void *user,
                          struct lr_error *error);

/**
 * Passes log records up to `level` to `callback`; without it, warnings and worse go to standard
 * error. `user` is handed to it; it belongs to the caller and must outlive the engine. The
 * callback runs on the engine's workers, **possibly on several at once**.
 */
lr_status lr_config_log(lr_config config,
                        lr_log_level level,
                        lr_log_cb callback,
                        void *user,
                        struct lr_error *error);

/**
 * Tells `callback` of every event; several may be added. `user` is handed to it; it belongs to
 * the caller and must outlive the engine. The callback runs on the engine's workers, **possibly
 * on several at once**.
 */
lr_status lr_config_event(lr_config config,
                          lr_event_cb callback,
                          void *user,
                          struct lr_error *error);

/**
 * Answers JSON-RPC 2.0 on a Unix stream socket at `path`. The text is copied.
 */
lr_status lr_config_control_socket(lr_config config, const char *path, struct lr_error *error);

/**
 * Answers JSON-RPC 2.0 over HTTP POST at `path`, as `/RPC`, on the TCP listeners, for peers on
 * this machine. The text is copied.
 */
lr_status lr_config_http_rpc(lr_config config, const char *path, struct lr_error *error);

/**
 * Answers GET at `path`, as `/metrics`, on the TCP listeners with all statistics in the text format
 * of Prometheus, for peers on this machine. The text is copied.
 */
lr_status lr_config_http_metrics(lr_config config, const char *path, struct lr_error *error);

/**
 * The whole header line that replies made by the engine carry, as `Server: my PBX`; empty: none.
 * The text is copied.
 */
lr_status lr_config_server_header(lr_config config, const char *line, struct lr_error *error);

/**
 * Room for up to `workers` workers, from 1 to 65535; without it 64.
 */
lr_status lr_config_max_workers(lr_config config, uint32_t workers, struct lr_error *error);

/**
 * Makes tags, branches and nonces repeatable. For tests only: whoever knows the seed can forge
 * them.
 */
lr_status lr_config_seed(lr_config config, uint64_t seed, struct lr_error *error);

/**
 * Makes an engine: binds its addresses, sets its parameters, opens its stores. Nothing is served
 * before it is driven. The caller frees it with `lr_engine_free`. The configuration may be freed
 * or used again.
 *
 * `LR_IN_USE` when an address is taken, `LR_NOT_FOUND` for an unknown parameter, `LR_MODULE` when
 * a module could not start (a broken database file, say), `LR_STATE` without a route or listen
 * address; the detail names what.
 */
lr_status lr_engine_new(lr_config config, struct lr_engine **engine, struct lr_error *error);

/**
 * Ends the engine without grace, if it has not ended yet, and frees it: its threads are joined,
 * its stores flushed, its addresses free again, and no callback runs any more once this returns.
 * Another thread that drives it returns soon; one that is in `lr_engine_shutdown` is waited for.
 * Calls that wait are told on this thread. `LR_WRONG_THREAD` from within one of its own
 * callbacks, and then nothing is done; `LR_GONE` when it was freed before.
 */
lr_status lr_engine_free(struct lr_engine *engine);

/**
 * Makes `lr_engine_run` and the engine's threads return soon, without draining. From any thread,
 * also from within a callback.
 */
lr_status lr_engine_stop(struct lr_engine *engine, struct lr_error *error);

/**
 * Ends the engine in order: new calls get a 503, what is under way has `grace_ms` milliseconds to
 * end, then the rest is given up, stores are flushed and threads joined. `LR_TIMEOUT` when not
 * everything had ended in time; the engine has ended even then. A second call does nothing. The
 * engine is still to be freed.
 */
lr_status lr_engine_shutdown(struct lr_engine *engine, uint64_t grace_ms, struct lr_error *error);

/**
 * Sets an integer parameter of a module. `LR_NOT_FOUND` when there is none of that name (the
 * detail names the nearest), `LR_INVALID_ARGUMENT` when the value does not fit, `LR_STATE` when it
 * may only be set before the engine is driven.
 */
lr_status lr_engine_modparam_int(struct lr_engine *engine,
                                 const char *module,
                                 const char *name,
                                 int64_t value,
                                 struct lr_error *error);

/**
 * Sets a string parameter of a module, as `lr_engine_modparam_int`. The text is copied.
 */
lr_status lr_engine_modparam_str(struct lr_engine *engine,
                                 const char *module,
                                 const char *name,
                                 const char *value,
                                 struct lr_error *error);

/**
 * Runs an RPC command, as `ul.dump`, on the calling thread. `params` is a JSON array, or NULL for
 * none; `result` receives the JSON of the answer, which the caller frees with `lr_string_free`.
 * `LR_NOT_FOUND` when there is no such command (the detail names the nearest),
 * `LR_INVALID_ARGUMENT` when the parameters do not fit, `LR_MODULE` for the command's own errors,
 * with their code in the detail.
 */
lr_status lr_engine_rpc(struct lr_engine *engine,
                        const char *command,
                        const char *params,
                        char **result,
                        struct lr_error *error);

/**
 * The value of a statistic, as of group `usrloc`, name `registered_users`. `LR_NOT_FOUND` when
 * there is none of that name.
 */
lr_status lr_engine_statistic(struct lr_engine *engine,
                              const char *group,
                              const char *name,
                              uint64_t *value,
                              struct lr_error *error);

/**
 * How many addresses the engine listens on.
 */
lr_status lr_engine_listener_count(struct lr_engine *engine, size_t *count, struct lr_error *error);

/**
 * Address number `index`, from 0, that the engine listens on, its port filled in. `LR_NOT_FOUND`
 * beyond the last.
 */
lr_status lr_engine_listener(struct lr_engine *engine,
                             size_t index,
                             struct lr_address *address,
                             struct lr_error *error);

/**
 * Ends a wait that `lr_call_pending` has opened, with `value`; from any thread. Exactly one
 * succeeds: `LR_GONE` when it was resumed before, its deadline has passed or its call is over.
 */
lr_status lr_engine_resume(struct lr_engine *engine,
                           uint64_t token,
                           int64_t value,
                           struct lr_error *error);

/**
 * Sets the highest level of log records that are kept (an `lr_log_level`).
 */
lr_status lr_engine_set_log_level(struct lr_engine *engine,
                                  lr_log_level level,
                                  struct lr_error *error);

/**
 * When the program drives the engine: `callback` is called, from any thread, when another thread
 * has left something for it; the program then calls `lr_engine_process` or
 * `lr_engine_handle_timeout` on its own thread. Not needed by a program that waits on
 * `lr_engine_fd`, which becomes readable then. `user` is handed to the callback; it belongs to the
 * caller and must outlive the engine.
 */
lr_status lr_engine_set_wakeup(struct lr_engine *engine,
                               lr_wakeup_cb callback,
                               void *user,
                               struct lr_error *error);

/**
 * A descriptor for the program's own poll, epoll or event library: readable when
 * `lr_engine_process` has something to do. It belongs to the engine: do not read or close it.
 * `LR_STATE` when the engine has no sockets or runs on its own threads.
 */
lr_status lr_engine_fd(struct lr_engine *engine, int *fd, struct lr_error *error);

/**
 * How many milliseconds `lr_engine_process` may be left uncalled if the descriptor stays quiet;
 * -1: as long as you like. Made for the timeout of poll and epoll_wait.
 */
lr_status lr_engine_next_timeout_ms(struct lr_engine *engine,
                                    int *timeout_ms,
                                    struct lr_error *error);

/**
 * One turn: waits up to `timeout_ms` milliseconds for something to do (0: not at all; negative:
 * until there is something), then does all there is to do. Callbacks run within it.
 * `LR_STATE` when the engine runs on its own threads or has ended.
 */
lr_status lr_engine_process(struct lr_engine *engine, int64_t timeout_ms, struct lr_error *error);

/**
 * Serves on the calling thread until `lr_engine_stop` or `lr_engine_shutdown` is called on
 * another one, or `lr_engine_stop` in a callback. Errors as `lr_engine_process`.
 */
lr_status lr_engine_run(struct lr_engine *engine, struct lr_error *error);

/**
 * Serves on `workers` threads of the engine's own and returns at once. From then on callbacks run
 * on those threads, several at once when there are several. `LR_STATE` when the engine was
 * started, driven otherwise now or ended, or `workers` is 0 or more than `lr_config_max_workers`
 * has made room for.
 */
lr_status lr_engine_start(struct lr_engine *engine, uint32_t workers, struct lr_error *error);

/**
 * Hands in one whole SIP message that came from `from` to `to`, one of the listen addresses, at
 * `now`. Callbacks run within it; what is to be sent is then there for `lr_engine_poll_output`.
 * The bytes are copied. `LR_NOT_FOUND` when the engine does not listen on `to`.
 */
lr_status lr_engine_handle_input(struct lr_engine *engine,
                                 const struct lr_time *now,
                                 const struct lr_address *from,
                                 const struct lr_address *to,
                                 const uint8_t *bytes,
                                 size_t len,
                                 struct lr_error *error);

/**
 * Takes the next message that is to be sent. `LR_WOULD_BLOCK` when there is none.
 */
lr_status lr_engine_poll_output(struct lr_engine *engine,
                                struct lr_output *output,
                                struct lr_error *error);

/**
 * Lets time pass: does what is due at `now`, and takes in what other threads have left. A call
 * too early is harmless.
 */
lr_status lr_engine_handle_timeout(struct lr_engine *engine,
                                   const struct lr_time *now,
                                   struct lr_error *error);

/**
 * When `lr_engine_handle_timeout` must be called at the latest: nanoseconds of the program's
 * monotonic clock, or UINT64_MAX when nothing waits for a time.
 */
lr_status lr_engine_poll_timeout(struct lr_engine *engine,
                                 uint64_t *mono_ns,
                                 struct lr_error *error);

/**
 * Whether the event is called `name`. False when either is NULL.
 */
bool lr_event_is(const struct lr_event *event, const char *name);

/**
 * The text of the field `name`; empty when there is no such field or it holds an integer.
 */
struct lr_str lr_event_text(const struct lr_event *event, const char *name);

/**
 * The integer of the field `name`; 0 when there is no such field or it holds a text.
 */
int64_t lr_event_int(const struct lr_event *event, const char *name);

/**
 * The request's method as it came, as `INVITE`.
 */
lr_status lr_call_method(lr_call call, struct lr_str *out, struct lr_error *error);

/**
 * Whether the request's method is `method`, as `REGISTER`. False when the call cannot be used
 * from here or `method` is NULL.
 */
bool lr_call_is(lr_call call, const char *method);

/**
 * Whether the request belongs to a dialog: its To has a tag (RFC 3261 12.2). False when the call
 * cannot be used from here.
 */
bool lr_call_in_dialog(lr_call call);

/**
 * The Request-URI as rewritten so far.
 */
lr_status lr_call_request_uri(lr_call call, struct lr_str *out, struct lr_error *error);

/**
 * The value of header number `index`, from 0, of those called `name`, as it came; compact forms
 * count, folded lines stay folded. `LR_NOT_FOUND` when there are not so many.
 */
lr_status lr_call_header(lr_call call,
                         const char *name,
                         size_t index,
                         struct lr_str *out,
                         struct lr_error *error);

/**
 * The URI of the From header. `LR_NOT_FOUND` when the header is malformed.
 */
lr_status lr_call_from_uri(lr_call call, struct lr_str *out, struct lr_error *error);

/**
 * The URI of the To header. `LR_NOT_FOUND` when the header is malformed.
 */
lr_status lr_call_to_uri(lr_call call, struct lr_str *out, struct lr_error *error);

/**
 * The Call-ID. `LR_NOT_FOUND` when there is none.
 */
lr_status lr_call_call_id(lr_call call, struct lr_str *out, struct lr_error *error);

/**
 * The body as it came; empty when there is none.
 */
lr_status lr_call_body(lr_call call, struct lr_str *out, struct lr_error *error);

/**
 * Where the request came from, and over what.
 */
lr_status lr_call_source(lr_call call, struct lr_address *address, struct lr_error *error);

/**
 * Who sent the request, once an authentication has proved it: the user name of the credentials
 * and their realm; `realm` may be NULL. `LR_NOT_FOUND` when nothing was proved.
 */
lr_status lr_call_identity(lr_call call,
                           struct lr_str *name,
                           struct lr_str *realm,
                           struct lr_error *error);

/**
 * Replaces the Request-URI of the message that goes out and of lookups. `LR_INVALID_ARGUMENT`
 * when `uri` is none.
 */
lr_status lr_call_set_request_uri(lr_call call, const char *uri, struct lr_error *error);

/**
 * Sends to the host of `uri` instead of the Request-URI's. `LR_INVALID_ARGUMENT` when `uri` is
 * none.
 */
lr_status lr_call_set_destination(lr_call call, const char *uri, struct lr_error *error);

/**
 * Adds a branch with its own Request-URI: a relay forks to it beside the Request-URI.
 * `LR_INVALID_ARGUMENT` when `uri` is none.
 */
lr_status lr_call_append_branch(lr_call call, const char *uri, struct lr_error *error);

/**
 * Appends a header to the message that goes out. `LR_INVALID_ARGUMENT` when the name is no token
 * or the value more than one line.
 */
lr_status lr_call_append_header(lr_call call,
                                const char *name,
                                const char *value,
                                struct lr_error *error);

/**
 * Removes all headers called `name` from the message that goes out; `removed`, which may be NULL,
 * receives how many.
 */
lr_status lr_call_remove_headers(lr_call call,
                                 const char *name,
                                 size_t *removed,
                                 struct lr_error *error);

/**
 * Appends a header to the replies made for this request. `LR_INVALID_ARGUMENT` as
 * `lr_call_append_header`.
 */
lr_status lr_call_append_to_reply(lr_call call,
                                  const char *name,
                                  const char *value,
                                  struct lr_error *error);

/**
 * Answers the request with a `code` from 100 to 699 and a `reason` of one line (NULL: the usual
 * one). As all actions it is performed after the callback has returned; `on_done` may be NULL,
 * and then a failure ends the route: the request gets the answer it deserves, the actions queued
 * behind are not performed.
 */
lr_status lr_call_reply(lr_call call,
                        uint32_t code,
                        const char *reason,
                        lr_done_cb on_done,
                        void *user,
                        struct lr_error *error);

/**
 * Relays the request to its branches, or to its Request-URI if it has none: makes the
 * transaction, forks, and forwards what comes back. An ACK is forwarded without a transaction; a
 * CANCEL cancels what its INVITE has under way. `on_done` is told once the request is on its way.
 */
lr_status lr_call_relay(lr_call call, lr_done_cb on_done, void *user, struct lr_error *error);

/**
 * Forwards the request without a transaction.
 */
lr_status lr_call_forward(lr_call call, lr_done_cb on_done, void *user, struct lr_error *error);

/**
 * Stores the contacts of a REGISTER in `table` (as `location`) and answers it. The value is 0
 * when it was refused; the refusal was sent.
 */
lr_status lr_call_save(lr_call call,
                       const char *table,
                       lr_done_cb on_done,
                       void *user,
                       struct lr_error *error);

/**
 * Replaces the Request-URI by the contacts registered for it in `table` (as `location`). The
 * value is 0 when there are none.
 */
lr_status lr_call_lookup(lr_call call,
                         const char *table,
                         lr_done_cb on_done,
                         void *user,
                         struct lr_error *error);

/**
 * Proves that the request comes from an account of `realm`, or challenges it with a 401. The
 * value is 0 when the answer was sent.
 */
lr_status lr_call_www_authenticate(lr_call call,
                                   const char *realm,
                                   lr_done_cb on_done,
                                   void *user,
                                   struct lr_error *error);

/**
 * As `lr_call_www_authenticate` with a 407, for requests that are to be relayed.
 */
lr_status lr_call_proxy_authenticate(lr_call call,
                                     const char *realm,
                                     lr_done_cb on_done,
                                     void *user,
                                     struct lr_error *error);

/**
 * Adds a Record-Route, so that the dialog's later requests come through here.
 */
lr_status lr_call_record_route(lr_call call,
                               lr_done_cb on_done,
                               void *user,
                               struct lr_error *error);

/**
 * Follows the Route headers. The value is 1 when the first of them is ours (or the Request-URI,
 * where a strict router has put it), so that the request was led through here; 0, and nothing is
 * followed, when it is not.
 */
lr_status lr_call_loose_route(lr_call call, lr_done_cb on_done, void *user, struct lr_error *error);

/**
 * Checks Max-Forwards, which is set to `limit` when the request has none. The value is 0 when it
 * was used up; the 483 was sent.
 */
lr_status lr_call_max_forwards(lr_call call,
                               uint8_t limit,
                               lr_done_cb on_done,
                               void *user,
                               struct lr_error *error);

/**
 * The value is 1 when the Request-URI's host means this engine.
 */
lr_status lr_call_is_myself(lr_call call, lr_done_cb on_done, void *user, struct lr_error *error);

/**
 * Goes on after `ms` milliseconds; the worker serves others meanwhile.
 */
lr_status lr_call_pause(lr_call call,
                        uint64_t ms,
                        lr_done_cb on_done,
                        void *user,
                        struct lr_error *error);

/**
 * Runs the function `name` of a module, with `count` arguments at `args` (NULL when there are
 * none), which are copied. The value is the function's own: above 0 is true. Whether there is
 * such a function, and whether the arguments fit, is told to `on_done`.
 */
lr_status lr_call_function(lr_call call,
                           const char *name,
                           const struct lr_value *args,
                           size_t count,
                           lr_done_cb on_done,
                           void *user,
                           struct lr_error *error);

/**
 * Lets the call wait for the program: `token` receives what `lr_engine_resume` takes, from any
 * thread, and `on_resume` is called with the value it is given. The wait has its place in the
 * order of the actions, and a resume that comes earlier is kept for it; `deadline_ms`
 * milliseconds (at least 1) after it has come to it `on_resume` is called with `LR_TIMEOUT`.
 * Meanwhile the worker serves others and retransmissions of the request are absorbed. From the
 * routing callback, answer `LR_PENDING` afterwards.
 */
lr_status lr_call_pending(lr_call call,
                          uint64_t deadline_ms,
                          lr_resume_cb on_resume,
                          void *user,
                          uint64_t *token,
                          struct lr_error *error);

/**
 * Keeps the request, as it came, beyond the callback. The caller frees it with `lr_message_free`.
 */
lr_status lr_call_retain(lr_call call, lr_message *message, struct lr_error *error);

/**
 * Frees a message; views of it end. `LR_GONE` when it was freed before.
 */
lr_status lr_message_free(lr_message message);

/**
 * The whole message as it came. The view lives until the message is freed.
 */
lr_status lr_message_bytes(lr_message message, struct lr_str *out, struct lr_error *error);

/**
 * The method. The view lives until the message is freed.
 */
lr_status lr_message_method(lr_message message, struct lr_str *out, struct lr_error *error);

/**
 * The Request-URI as it came. The view lives until the message is freed.
 */
lr_status lr_message_request_uri(lr_message message, struct lr_str *out, struct lr_error *error);

/**
 * The value of header number `index`, from 0, of those called `name`, as `lr_call_header`. The
 * view lives until the message is freed.
 */
lr_status lr_message_header(lr_message message,
                            const char *name,
                            size_t index,
                            struct lr_str *out,
                            struct lr_error *error);

/**
 * The URI of the From header. The view lives until the message is freed.
 */
lr_status lr_message_from_uri(lr_message message, struct lr_str *out, struct lr_error *error);

/**
 * The URI of the To header. The view lives until the message is freed.
 */
lr_status lr_message_to_uri(lr_message message, struct lr_str *out, struct lr_error *error);

/**
 * The Call-ID. The view lives until the message is freed.
 */
lr_status lr_message_call_id(lr_message message, struct lr_str *out, struct lr_error *error);

/**
 * The body; empty when there is none. The view lives until the message is freed.
 */
lr_status lr_message_body(lr_message message, struct lr_str *out, struct lr_error *error);

/**
 * Makes a lock of the engine, to be initialised (Kamailio's `lock_alloc`). The caller frees it with
 * `lr_lock_dealloc`. `LR_LIMIT` when there are too many handles.
 */
lr_status lr_lock_alloc(struct lr_engine *engine, lr_lock *lock, struct lr_error *error);

/**
 * Frees a lock, destroying it first if it is initialised (Kamailio's `lock_dealloc`). `LR_STATE`
 * when it is held or waited for, and then nothing is done; `LR_GONE` when it was freed before.
 */
lr_status lr_lock_dealloc(lr_lock lock, struct lr_error *error);

/**
 * Makes the lock usable under a name, free (Kamailio's `lock_init`). `level` is its place in the
 * order: 0 for a lock under which no other is taken at first. `LR_STATE` when it is initialised
 * already, `LR_GONE` also when the engine was freed.
 */
lr_status lr_lock_init(lr_lock lock, const char *name, uint32_t level, struct lr_error *error);

/**
 * Ends the use of the lock until it is initialised again (Kamailio's `lock_destroy`). `LR_STATE`
 * when it is held or waited for, or not initialised.
 */
lr_status lr_lock_destroy(lr_lock lock, struct lr_error *error);

/**
 * Takes the lock, waiting for as long as it takes (Kamailio's `lock_get`). Within a callback on a
 * worker it never waits: a lock that is held is answered `LR_WOULD_BLOCK` there. `here` is
 * `LR_HERE`, or NULL.
 */
lr_status lr_lock_get(lr_lock lock, const char *here, struct lr_error *error);

/**
 * Takes the lock if it is free (Kamailio's `lock_try`), else `LR_WOULD_BLOCK`.
 */
lr_status lr_lock_try(lr_lock lock, const char *here, struct lr_error *error);

/**
 * Gives the lock back (Kamailio's `lock_release`), on the thread that has taken it:
 * `LR_WRONG_THREAD` on another, `LR_STATE` when nobody holds it.
 */
lr_status lr_lock_release(lr_lock lock, struct lr_error *error);

/**
 * Makes a set of `count` locks of the engine, 1 to `LR_MAX_LOCK_SET` (Kamailio's
 * `lock_set_alloc`). The caller frees it with `lr_lock_set_dealloc`.
 */
lr_status lr_lock_set_alloc(struct lr_engine *engine,
                            size_t count,
                            lr_lock_set *set,
                            struct lr_error *error);

/**
 * Frees a set (Kamailio's `lock_set_dealloc`), as `lr_lock_dealloc`.
 */
lr_status lr_lock_set_dealloc(lr_lock_set set, struct lr_error *error);

/**
 * Makes the set usable under a name (Kamailio's `lock_set_init`), as `lr_lock_init`.
 */
lr_status lr_lock_set_init(lr_lock_set set,
                           const char *name,
                           uint32_t level,
                           struct lr_error *error);

/**
 * Ends the use of the set (Kamailio's `lock_set_destroy`), as `lr_lock_destroy`.
 */
lr_status lr_lock_set_destroy(lr_lock_set set, struct lr_error *error);

/**
 * Takes lock number `index` of the set, from 0 (Kamailio's `lock_set_get`), as `lr_lock_get`.
 * `LR_INVALID_ARGUMENT` beyond the last.
 */
lr_status lr_lock_set_get(lr_lock_set set, size_t index, const char *here, struct lr_error *error);

/**
 * Takes lock number `index` of the set if it is free (Kamailio's `lock_set_try`), as
 * `lr_lock_try`.
 */
lr_status lr_lock_set_try(lr_lock_set set, size_t index, const char *here, struct lr_error *error);

/**
 * Gives lock number `index` of the set back (Kamailio's `lock_set_release`), as
 * `lr_lock_release`.
 */
lr_status lr_lock_set_release(lr_lock_set set, size_t index, struct lr_error *error);

/**
 * Calls `callback` on a worker `ms` milliseconds from now (or up to 10 later), and with `repeat`
 * again and again (Kamailio's `register_timer`); a call that comes late does not put the next one
 * off. While the engine is not driven, nothing is called; once it has ended, never. `timer` receives
 * what `lr_timer_cancel` takes; it may be NULL. `user` is handed to the callback; it belongs to the
 * caller. `LR_LIMIT` when `async.max_timers` are started or the engine has ended.
 */
lr_status lr_timer_start(struct lr_engine *engine,
                         uint64_t ms,
                         bool repeat,
                         lr_timer_cb callback,
                         void *user,
                         lr_timer *timer,
                         struct lr_error *error);

/**
 * Stops a timer, from any thread, also from within its own callback. `LR_OK`: it will not be called
 * again. `LR_WOULD_BLOCK`: nor will it, but it is being called on another thread at this moment;
 * what `user` points to must outlive that. `LR_GONE` when it had been called, or was cancelled,
 * before.
 */
lr_status lr_timer_cancel(struct lr_engine *engine, lr_timer timer, struct lr_error *error);

/**
 * Looks for locks that are held for longer than the parameter `core.lock_hold_limit` and workers
 * that have not turned for `core.worker_turn_limit`, as an engine on its own threads does by
 * itself. For a program that drives the engine: to be called now and then, from another thread.
 * `stuck` receives how many there are; each new one is logged, counted and told as an event
 * (`core:lock-stuck`, `core:worker-stuck`), with the holder's place. A lock is stuck when two
 * calls find it. `now` is the program's time when the engine has no sockets, else NULL.
 */
lr_status lr_engine_watchdog(struct lr_engine *engine,
                             const struct lr_time *now,
                             size_t *stuck,
                             struct lr_error *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LOOSEROUTE_H */
