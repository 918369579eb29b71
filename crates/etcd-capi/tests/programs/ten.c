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

/* Every byte but NUL over v3, every character of one byte and some longer ones over v2, in key and value. */
static void any_bytes(etcd_session s, int is_v3)
{
    char key[300] = "ten/x/", path[301] = "/", lines[303] = "/ten/x", *text = key + 6, *changed, *value;
    int at, index = 0, since;
    uint64_t first;

    for (at = 1; at < (is_v3 ? 256 : 128); at++)
        if (at != '/')
            *text++ = (char)at;
    strcpy(text, is_v3 ? "" : "\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\x80");
    strcat(path, key);
    CHECK(etcd_set_n(s, key, ETCD_TEXT, key, ETCD_TEXT, NULL, 0, 0, &first) == ETCD_OK);
    value = etcd_get(s, key);
    CHECK(value && !strcmp(value, key));
    free(value);
    CHECK(etcd_set(s, key, "no", path, 0) == ETCD_PROTOCOL_ERROR);
    CHECK(etcd_set(s, key, path, key, 0) == ETCD_OK);
    since = (int)first;
    CHECK(etcd_watch(s, lines, &changed, &value, &since, &index) == ETCD_OK && index == (int)first);
    CHECK(!strcmp(changed, path) && !strcmp(value, key));
    free(changed);
    free(value);
    value = etcd_get(s, lines);
    CHECK(value && !strncmp(value, path, strlen(path)) && !strcmp(value + strlen(path), "\n"));
    free(value);
    CHECK(etcd_lock(s, key, 60, NULL, &value) == ETCD_OK && etcd_unlock(s, key, value) == ETCD_OK);
    free(value);
    CHECK(etcd_delete(s, key) == ETCD_OK && !etcd_get(s, key));
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
    any_bytes(s, !strcmp(argv[2], "v3"));
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
