/*
 * etcd-api.h: a client of etcd for C, for every etcd from 0.2 (v2) to 3.7 (v3).
 *
 * The first part is the interface of the library etcd-api: programs written for that compile and link
 * unchanged. The second part, from "New" on, goes beyond it.
 *
 * Every function may be called from any thread, and any number of threads may share a session. No pointer
 * has to be valid but those that are used: NULL gives an error where something is needed, and leaves out
 * what is only returned. Strings and blocks that are returned are the caller's; free() or etcd_free() ends
 * them; where a call fails they are NULL. A session, or a watcher, that was closed is an error and no crash.
 */
#ifndef ETCD_API_H
#define ETCD_API_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    ETCD_OK = 0,
    ETCD_PROTOCOL_ERROR = 1, /* a server answered, and refused: no such key, a failed precondition, a lost lock */
    ETCD_WTF = 2,            /* anything else: no server could be reached, no answer came, bad arguments */
    ETCD_NOTHING_YET = 3     /* new: nothing came in time; only from functions that say so */
} etcd_result;

/* One server. An array of them ends with a host of NULL. Port 0 is 2379, and 4001 where that refuses. */
typedef struct {
    char *host; /* a name or an address; https://NAME and unix:/PATH too */
    unsigned short port;
} etcd_server;

/* A session, to be handed back as it came. NULL is none. */
typedef void *etcd_session;

/*
 * Begins a session with these servers; nothing is sent before the first call. NULL where one of them is no
 * server: etcd_last_error(NULL) says why.
 */
etcd_session etcd_open(etcd_server *server_list);

/* Likewise, with a list such as "host:2379,host" (separated by commas, semicolons or white space). */
etcd_session etcd_open_str(char *server_names);

/*
 * Ends a session, its watchers, and what other threads wait for in it: their calls fail. Locks last until
 * their time to live is over.
 */
void etcd_close(etcd_session session);

/* The same as etcd_close(). */
void etcd_close_str(etcd_session session);

/*
 * The value of a key; of a directory the keys of its children, one a line. NULL where there is none, or on
 * failure: etcd_last_error() tells which. A value that holds a NUL byte is an error; see etcd_get_n().
 */
char *etcd_get(etcd_session session, char *key);

/*
 * Writes a value. With precond only where that is the present value, else ETCD_PROTOCOL_ERROR. The key ends
 * after ttl seconds; 0 is never.
 */
etcd_result etcd_set(etcd_session session, char *key, char *value, char *precond, unsigned int ttl);

/* Removes a key. ETCD_PROTOCOL_ERROR where there is none. */
etcd_result etcd_delete(etcd_session session, char *key);

/* Where clients reach the leader, such as "http://10.0.0.1:2379". NULL on failure. */
char *etcd_leader(etcd_session session);

/*
 * Waits for a change of a key or of what lies below it: the first at or after *index_in, or, where index_in
 * is NULL, the next one. *keyp is its key, *valuep the value or NULL where it was deleted, *index_out its
 * index. To miss none, pass *index_out + 1 as the next *index_in. (Several changes may have one index; those
 * that are left come with the following calls.) An index that is larger than an int is ETCD_WTF; see
 * etcd_watch_start().
 */
etcd_result etcd_watch(etcd_session session, char *pfx, char **keyp, char **valuep, int *index_in, int *index_out);

/*
 * With index_in NULL waits for a lock and takes it for ttl seconds; *index_out is the text that renews and
 * unlocks it, in another process too. With index_in renews it; ETCD_PROTOCOL_ERROR where it is lost. Where it
 * fails *index_out is left as it was, so that both may be one variable.
 */
etcd_result etcd_lock(etcd_session session, char *key, unsigned int ttl, char *index_in, char **index_out);

/* Gives up a lock; ETCD_PROTOCOL_ERROR where it was lost. */
etcd_result etcd_unlock(etcd_session session, char *key, char *index);

/* ------------------------------------------------- New ------------------------------------------------- */

/* As a length: the text ends with a NUL byte. Any other length may be given, and then NUL bytes too. */
#define ETCD_TEXT ((size_t)-1)

/* As a time: without end. */
#define ETCD_FOREVER (-1)

/* The version of this library, such as "0.1.0". Not to be freed. */
const char *etcd_version(void);

/* The same as free(), for programs that have another one. NULL is nothing. */
void etcd_free(void *block);

/* What went wrong. Numbers are never given another meaning. */
typedef enum {
    ETCD_ERROR_NONE = 0,
    ETCD_ERROR_INVALID_INPUT = 1,
    ETCD_ERROR_KEY_NOT_FOUND = 2,
    ETCD_ERROR_PRECONDITION_FAILED = 3,
    ETCD_ERROR_IS_DIRECTORY = 4,
    ETCD_ERROR_NOT_A_DIRECTORY = 5,
    ETCD_ERROR_DIRECTORY_NOT_EMPTY = 6,
    ETCD_ERROR_LOCK_BUSY = 7,
    ETCD_ERROR_LOCK_LOST = 8,
    ETCD_ERROR_UNAUTHORIZED = 9,
    ETCD_ERROR_UNSUPPORTED = 10, /* the servers are too old, or too new, for this */
    ETCD_ERROR_UNREACHABLE = 11,
    ETCD_ERROR_TIMEOUT = 12,
    ETCD_ERROR_HISTORY_CLEARED = 13,  /* what a watch asked for is no longer kept */
    ETCD_ERROR_ANOTHER_CLUSTER = 14,
    ETCD_ERROR_LEASE_NOT_FOUND = 15,
    ETCD_ERROR_REFUSED = 16,
    ETCD_ERROR_INTERRUPTED = 17, /* a connection broke before the answer was whole */
    ETCD_ERROR_CLOSED = 18,      /* the session or watcher is closed, or never was one */
    ETCD_ERROR_FORKED = 19,      /* it was opened before fork(), in the parent */
    ETCD_ERROR_DOES_NOT_FIT = 20, /* an index that is too large for int, a NUL byte in a string */
    ETCD_ERROR_INTERNAL = 21     /* a fault of this library */
} etcd_error_code;

/* What is known about an operation that failed. */
typedef enum {
    ETCD_NOT_APPLIED = 0, /* it did not take effect, and will not */
    ETCD_APPLIED = 1,     /* it took effect */
    ETCD_UNKNOWN = 2      /* it may have */
} etcd_outcome;

typedef struct {
    etcd_error_code code;
    etcd_outcome outcome;
    const char *text; /* for people, in one line; never NULL */
} etcd_error;

/*
 * How the last call of this thread with this session, or with a watcher of it, ended; ETCD_ERROR_NONE where
 * it did not fail. With NULL: how its last etcd_open() or etcd_open_str() did, or a call with what is no
 * watcher. Valid until this thread's next call; not to be freed; never NULL.
 */
const etcd_error *etcd_last_error(etcd_session session);

typedef enum {
    ETCD_OPTION_API = 1,             /* "auto" (as it is when not set), "v2" or "v3" */
    ETCD_OPTION_TIMEOUT_MS = 2,      /* how long a call may take; 5000 */
    ETCD_OPTION_CONNECT_TIMEOUT_MS = 3, /* how long a connection may take; 2000 */
    ETCD_OPTION_CA_FILE = 4,         /* PEM file of the authorities to trust; those of the system */
    ETCD_OPTION_CERT_FILE = 5,       /* PEM file of our certificate; needs the key */
    ETCD_OPTION_KEY_FILE = 6,        /* PEM file of its key */
    ETCD_OPTION_SERVER_NAME = 7,     /* the name that certificates have to be for; the host's */
    ETCD_OPTION_SKIP_VERIFY = 8,     /* "true": any certificate will do, so anyone can be in between */
    ETCD_OPTION_USER = 9,            /* needs the password */
    ETCD_OPTION_PASSWORD = 10,
    ETCD_OPTION_PLAINTEXT_CREDENTIALS = 11, /* "true": password and token may go in the clear to other machines */
    ETCD_OPTION_TOKEN = 12           /* a token made elsewhere, in place of user and password; v3 */
} etcd_option;

/* Sets an option of a session that has made no call yet; value NULL takes it back. ETCD_WTF later. */
etcd_result etcd_set_option(etcd_session session, etcd_option option, const char *value);

/* The value of a key, with its length and its index. *value has a NUL byte behind it, which is not counted. */
etcd_result etcd_get_n(etcd_session session, const char *key, size_t key_length, char **value, size_t *value_length,
                       uint64_t *index);

/* As etcd_set(), with lengths; *index is that of the change. */
etcd_result etcd_set_n(etcd_session session, const char *key, size_t key_length, const char *value,
                       size_t value_length, const char *precond, size_t precond_length, uint64_t ttl,
                       uint64_t *index);

/* What has to stand at a key for it to be written. */
typedef enum {
    ETCD_IF_ABSENT = 0,  /* nothing */
    ETCD_IF_PRESENT = 1, /* something */
    ETCD_IF_INDEX = 2    /* what was last changed at previous_index */
} etcd_condition;

/* Writes a value where the condition holds, else ETCD_PROTOCOL_ERROR. */
etcd_result etcd_set_if(etcd_session session, const char *key, size_t key_length, const char *value,
                        size_t value_length, etcd_condition condition, uint64_t previous_index, uint64_t ttl,
                        uint64_t *index);

/* Removes a key; with precond only where that is the present value. */
etcd_result etcd_delete_n(etcd_session session, const char *key, size_t key_length, const char *precond,
                          size_t precond_length);

/* A child of a directory. */
typedef struct {
    char *key; /* the whole path */
    size_t key_length;
    char *value; /* NULL for a directory */
    size_t value_length;
    uint64_t index; /* of the last change */
    int is_directory;
} etcd_entry;

/* What a directory holds itself, sorted. *entries is one block: freeing it frees the strings too. */
etcd_result etcd_list(etcd_session session, const char *directory, size_t directory_length, etcd_entry **entries,
                      size_t *count);

/* The member that leads. */
typedef struct {
    char *id;          /* on etcd 0.x its name */
    char *name;
    char *client_urls; /* separated by commas */
} etcd_member;

/* The leader; *member is one block. */
etcd_result etcd_leader_n(etcd_session session, etcd_member **member);

typedef enum {
    ETCD_CHANGE_SET = 0,
    ETCD_CHANGE_DELETE = 1,
    ETCD_CHANGE_EXPIRE = 2, /* its time to live was over; v3 does not tell, and says DELETE */
    ETCD_CHANGE_GAP = 3     /* changes from index to last_index are lost; the difference they made follows */
} etcd_change_kind;

typedef struct {
    etcd_change_kind kind;
    uint64_t index;
    uint64_t last_index; /* of a gap */
    char *key;           /* NULL for a gap */
    size_t key_length;
    char *value; /* NULL where there is none */
    size_t value_length;
} etcd_change;

/* A watch that goes on by itself, on a thread of its own. NULL is none. */
typedef void *etcd_watcher;

/* Watches a key and all below it from an index on, or from now with index 0. NULL on failure. */
etcd_watcher etcd_watch_start(etcd_session session, const char *prefix, size_t prefix_length, uint64_t index);

/*
 * A file descriptor that can be read from while a change waits, or the error that ended the watch, for
 * poll() and its like; it is not to be read or closed. -1 on failure.
 */
int etcd_watch_fd(etcd_watcher watcher);

/*
 * The next change, in order, each once; *change is one block. ETCD_NOTHING_YET where none comes within
 * timeout_ms milliseconds (0 does not wait). After any other error the watch is over.
 */
etcd_result etcd_watch_next(etcd_watcher watcher, int timeout_ms, etcd_change **change);

/* Ends a watch and its file descriptor. A thread that waits for it is told ETCD_ERROR_CLOSED. */
void etcd_watch_stop(etcd_watcher watcher);

/* A lock that is held. */
typedef struct {
    uint64_t index; /* renews and unlocks it; a fencing token: higher with each holder */
    uint64_t ttl;   /* seconds */
    int64_t remaining_ms; /* how long it is surely held, from the return of the call */
} etcd_ticket;

/*
 * Takes a lock for ttl seconds, waiting timeout_ms milliseconds at the most (0 takes it only when it is
 * free); ETCD_NOTHING_YET where it was not free in time. Nothing renews it but etcd_renew().
 */
etcd_result etcd_lock_n(etcd_session session, const char *key, size_t key_length, uint64_t ttl, int timeout_ms,
                        etcd_ticket *ticket);

/* Has a lock last ttl seconds from now (over v3 as long as when it was taken). */
etcd_result etcd_renew(etcd_session session, const char *key, size_t key_length, uint64_t index, uint64_t ttl,
                       etcd_ticket *ticket);

/* As etcd_unlock(). */
etcd_result etcd_unlock_n(etcd_session session, const char *key, size_t key_length, uint64_t index);

#ifdef __cplusplus
}
#endif

#endif
