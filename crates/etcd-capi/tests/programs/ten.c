/* The ten calls as the old library had them. Arguments: SERVERS API */
#include "check.h"

static void keys(etcd_session s)
{
    char *value;

    CHECK(etcd_set(s, "ten/a", "one", NULL, 0) == ETCD_OK);
    value = etcd_get(s, "/ten/a");
    CHECK(value && !strcmp(value, "one"));
    free(value);
    CHECK(etcd_set(s, "ten/a", "two", "not one", 0) == ETCD_PROTOCOL_ERROR);
    CHECK(code_of(s) == ETCD_ERROR_PRECONDITION_FAILED);
    CHECK(etcd_last_error(s)->outcome == ETCD_NOT_APPLIED);
    CHECK(etcd_set(s, "ten/a", "a&b;c+d%e=f \"\\\xc3\xa9\n", "one", 0) == ETCD_OK);
    CHECK(code_of(s) == ETCD_ERROR_NONE);
    value = etcd_get(s, "ten/a");
    CHECK(value && !strcmp(value, "a&b;c+d%e=f \"\\\xc3\xa9\n"));
    free(value);
    CHECK(etcd_set(s, "ten/b", "", NULL, 60) == ETCD_OK);
    value = etcd_get(s, "ten");
    CHECK(value && !strcmp(value, "/ten/a\n/ten/b\n"));
    free(value);
    CHECK(etcd_delete(s, "ten/b") == ETCD_OK);
    CHECK(etcd_delete(s, "ten/b") == ETCD_PROTOCOL_ERROR);
    CHECK(!etcd_get(s, "ten/b") && code_of(s) == ETCD_ERROR_KEY_NOT_FOUND);
    value = etcd_leader(s);
    CHECK(value && *value);
    free(value);
}

/* A loop as the old library's users have it: each change once, and its index plus one next. */
static void changes(etcd_session s)
{
    uint64_t first;
    int index, at;
    char *key, *value;

    CHECK(etcd_set_n(s, "ten/w", ETCD_TEXT, "0", ETCD_TEXT, NULL, 0, 0, &first) == ETCD_OK);
    CHECK(etcd_set(s, "ten/w", "1", NULL, 0) == ETCD_OK);
    CHECK(etcd_set(s, "ten/other", "x", NULL, 0) == ETCD_OK);
    CHECK(etcd_delete(s, "ten/w") == ETCD_OK);
    index = (int)first;
    for (at = 0; at < 3; at++) {
        CHECK(etcd_watch(s, "ten/w", &key, &value, &index, &index) == ETCD_OK);
        CHECK(!strcmp(key, "/ten/w"));
        if (at < 2)
            CHECK(value && value[0] == '0' + at && !value[1]);
        else
            CHECK(!value);
        free(key);
        free(value);
        index++;
    }
}

static void locks(etcd_session s)
{
    char *index, *again;

    CHECK(etcd_lock(s, "ten/lock", 60, NULL, &index) == ETCD_OK);
    CHECK(etcd_lock(s, "ten/lock", 60, index, &again) == ETCD_OK);
    CHECK(!strcmp(index, again));
    CHECK(etcd_unlock(s, "ten/lock", index) == ETCD_OK);
    CHECK(etcd_unlock(s, "ten/lock", index) == ETCD_PROTOCOL_ERROR);
    CHECK(code_of(s) == ETCD_ERROR_LOCK_LOST);
    free(again);
    again = index;
    CHECK(etcd_lock(s, "ten/lock", 60, index, &again) == ETCD_PROTOCOL_ERROR);
    CHECK(etcd_lock(s, "ten/lock", 0, NULL, &again) == ETCD_WTF);
    free(index);
}

int main(int argc, char **argv)
{
    etcd_server servers[] = {{NULL, 0}, {NULL, 0}};
    char host[] = "127.0.0.1";
    etcd_session s;

    CHECK(argc == 3);
    s = session_of(argv[1], argv[2]);
    keys(s);
    changes(s);
    locks(s);
    etcd_close_str(s);
    servers[0].host = host;
    servers[0].port = (unsigned short)atoi(strrchr(argv[1], ':') + 1);
    s = etcd_open(servers);
    CHECK(s && etcd_set(s, "ten/c", "3", NULL, 0) == ETCD_OK);
    CHECK(etcd_delete(s, "ten/c") == ETCD_OK);
    etcd_close(s);
    puts("ok");
    return 0;
}
