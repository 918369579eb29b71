/* What goes beyond the old library. Arguments: SERVERS API */
#include <poll.h>

#include "check.h"

static void bytes(etcd_session s, int is_v3)
{
    char all[255], *value;
    size_t length, at;
    uint64_t set, got;

    for (at = 0; at < sizeof all; at++)
        all[at] = (char)(is_v3 ? at : at % 127 + 1);
    CHECK(etcd_set_n(s, "new/a!", 5, all, sizeof all, NULL, 0, 0, &set) == ETCD_OK);
    CHECK(etcd_get_n(s, "new/a", ETCD_TEXT, &value, &length, &got) == ETCD_OK);
    CHECK(length == sizeof all && !memcmp(value, all, length) && !value[length] && set == got);
    etcd_free(value);
    CHECK(etcd_get_n(s, "new/a", ETCD_TEXT, NULL, &length, NULL) == ETCD_OK && length == sizeof all);
    if (is_v3) {
        CHECK(!etcd_get(s, "new/a") && code_of(s) == ETCD_ERROR_DOES_NOT_FIT);
    } else {
        CHECK(etcd_set_n(s, "new/a", 5, "\xff", 1, NULL, 0, 0, NULL) == ETCD_WTF);
        CHECK(code_of(s) == ETCD_ERROR_INVALID_INPUT);
        CHECK(etcd_set_n(s, "new/\xff", 5, "x", 1, NULL, 0, 0, NULL) == ETCD_WTF);
        CHECK(strstr(etcd_last_error(s)->text, "the key is not UTF-8 from byte 4 on"));
    }
    CHECK(etcd_set_n(s, "new/a", 5, "y", 1, all, sizeof all, 0, NULL) == ETCD_OK);
    CHECK(etcd_set_n(s, "new/a", 5, "z", 1, "", 0, 0, NULL) == ETCD_PROTOCOL_ERROR);
    CHECK(etcd_set_if(s, "new/a", 5, "z", 1, ETCD_IF_ABSENT, 0, 0, NULL) == ETCD_PROTOCOL_ERROR);
    CHECK(etcd_set_if(s, "new/a", 5, "z", 1, ETCD_IF_PRESENT, 0, 0, &set) == ETCD_OK);
    CHECK(etcd_set_if(s, "new/a", 5, "w", 1, ETCD_IF_INDEX, set - 1, 0, NULL) == ETCD_PROTOCOL_ERROR);
    CHECK(etcd_set_if(s, "new/a", 5, "w", 1, ETCD_IF_INDEX, set, 0, NULL) == ETCD_OK);
    CHECK(etcd_set_if(s, "new/a", 5, "w", 1, (etcd_condition)9, set, 0, NULL) == ETCD_WTF);
    CHECK(etcd_delete_n(s, "new/a", 5, "x", 1) == ETCD_PROTOCOL_ERROR);
    CHECK(etcd_delete_n(s, "new/a", 5, "w", 1) == ETCD_OK);
}

static void listing(etcd_session s)
{
    etcd_entry *entries;
    etcd_member *leader;
    size_t count;

    CHECK(etcd_set(s, "new/l/b/c", "1", NULL, 0) == ETCD_OK);
    CHECK(etcd_set(s, "new/l/a", "22", NULL, 0) == ETCD_OK);
    CHECK(etcd_list(s, "new/l", ETCD_TEXT, &entries, &count) == ETCD_OK && count == 2);
    CHECK(!strcmp(entries[0].key, "/new/l/a") && entries[0].key_length == 8 && !entries[0].is_directory);
    CHECK(!strcmp(entries[0].value, "22") && entries[0].value_length == 2 && entries[0].index);
    CHECK(!strcmp(entries[1].key, "/new/l/b") && entries[1].is_directory && !entries[1].value);
    etcd_free(entries);
    CHECK(etcd_list(s, "new/none", ETCD_TEXT, &entries, &count) == ETCD_PROTOCOL_ERROR);
    CHECK(!entries && !count);
    CHECK(etcd_leader_n(s, &leader) == ETCD_OK && *leader->id && *leader->client_urls);
    etcd_free(leader);
}

static void watching(etcd_session s)
{
    etcd_watcher w;
    etcd_change *change;
    struct pollfd asked;
    uint64_t first;
    int at;

    CHECK(etcd_set_n(s, "new/w", ETCD_TEXT, "0", 1, NULL, 0, 0, &first) == ETCD_OK);
    w = etcd_watch_start(s, "new/w", ETCD_TEXT, first);
    CHECK(w);
    asked.fd = etcd_watch_fd(w);
    asked.events = POLLIN;
    CHECK(poll(&asked, 1, 60000) == 1);
    CHECK(etcd_watch_next(w, 0, &change) == ETCD_OK);
    CHECK(change->kind == ETCD_CHANGE_SET && change->index == first && !strcmp(change->value, "0"));
    etcd_free(change);
    CHECK(poll(&asked, 1, 0) == 0);
    CHECK(etcd_watch_next(w, 0, &change) == ETCD_NOTHING_YET && !change);
    CHECK(etcd_watch_next(w, 20, &change) == ETCD_NOTHING_YET && !change);
    /* More than the queue holds. */
    for (at = 0; at < 1500; at++)
        CHECK(etcd_set_n(s, "new/w", ETCD_TEXT, at % 2 ? "1" : "2", 1, NULL, 0, 0, NULL) == ETCD_OK);
    CHECK(etcd_delete(s, "new/w") == ETCD_OK);
    for (at = 0; at < 1500; at++) {
        CHECK(etcd_watch_next(w, 60000, &change) == ETCD_OK);
        CHECK(change->kind == ETCD_CHANGE_SET && change->value[0] == (at % 2 ? '1' : '2'));
        etcd_free(change);
    }
    CHECK(etcd_watch_next(w, ETCD_FOREVER, &change) == ETCD_OK);
    CHECK(change->kind == ETCD_CHANGE_DELETE && !change->value && !strcmp(change->key, "/new/w"));
    etcd_free(change);
    etcd_watch_stop(w);
    CHECK(etcd_watch_next(w, 0, &change) == ETCD_WTF && etcd_watch_fd(w) == -1);
    etcd_watch_stop(w);
}

static void locking(etcd_session s)
{
    etcd_ticket first, second;

    CHECK(etcd_lock_n(s, "new/k", ETCD_TEXT, 60, ETCD_FOREVER, &first) == ETCD_OK);
    CHECK(first.index && first.ttl == 60 && first.remaining_ms > 30000 && first.remaining_ms <= 60000);
    CHECK(etcd_lock_n(s, "new/k", ETCD_TEXT, 60, 0, &second) == ETCD_NOTHING_YET);
    CHECK(etcd_lock_n(s, "new/k", ETCD_TEXT, 60, 50, &second) == ETCD_NOTHING_YET);
    CHECK(etcd_lock_n(s, "new/k", ETCD_TEXT, 60, -7, &second) == ETCD_WTF);
    CHECK(etcd_renew(s, "new/k", ETCD_TEXT, first.index, 60, &first) == ETCD_OK);
    CHECK(etcd_unlock_n(s, "new/k", ETCD_TEXT, first.index) == ETCD_OK);
    CHECK(etcd_lock_n(s, "new/k", ETCD_TEXT, 60, 5000, &second) == ETCD_OK);
    CHECK(second.index > first.index);
    CHECK(etcd_renew(s, "new/k", ETCD_TEXT, first.index, 60, &first) == ETCD_PROTOCOL_ERROR);
    CHECK(etcd_unlock_n(s, "new/k", ETCD_TEXT, second.index) == ETCD_OK);
}

static void options(char *servers)
{
    etcd_session s = etcd_open_str(servers);

    CHECK(etcd_set_option(s, ETCD_OPTION_TIMEOUT_MS, "many") == ETCD_WTF);
    CHECK(etcd_set_option(s, (etcd_option)77, "x") == ETCD_WTF);
    CHECK(etcd_set_option(s, ETCD_OPTION_CA_FILE, "/does/not/exist.pem") == ETCD_OK);
    CHECK(etcd_set_option(s, ETCD_OPTION_CA_FILE, NULL) == ETCD_OK);
    CHECK(etcd_set_option(s, ETCD_OPTION_USER, "root") == ETCD_OK);
    CHECK(etcd_set(s, "new/o", "x", NULL, 0) == ETCD_WTF && strstr(etcd_last_error(s)->text, "password"));
    CHECK(etcd_set_option(s, ETCD_OPTION_USER, NULL) == ETCD_OK);
    CHECK(etcd_set(s, "new/o", "x", NULL, 0) == ETCD_OK);
    CHECK(etcd_set_option(s, ETCD_OPTION_TIMEOUT_MS, "1000") == ETCD_WTF);
    etcd_close(s);
    CHECK(!etcd_open_str("a:b:c") && code_of(NULL) == ETCD_ERROR_INVALID_INPUT);
    CHECK(strstr(etcd_last_error(NULL)->text, "a:b:c"));
    CHECK(etcd_version() && strchr(etcd_version(), '.'));
    /* Nobody listens on port 1. */
    s = etcd_open_str("127.0.0.1:1");
    CHECK(s && etcd_set_option(s, ETCD_OPTION_TIMEOUT_MS, "300") == ETCD_OK);
    CHECK(etcd_set(s, "new/o", "x", NULL, 0) == ETCD_WTF && code_of(s) == ETCD_ERROR_UNREACHABLE);
    CHECK(etcd_last_error(s)->outcome == ETCD_NOT_APPLIED && strstr(etcd_last_error(s)->text, "127.0.0.1:1"));
    etcd_close(s);
}

int main(int argc, char **argv)
{
    etcd_session s;

    CHECK(argc == 3);
    s = session_of(argv[1], argv[2]);
    bytes(s, !strcmp(argv[2], "v3"));
    listing(s);
    watching(s);
    locking(s);
    etcd_close(s);
    options(argv[1]);
    puts("ok");
    return 0;
}
