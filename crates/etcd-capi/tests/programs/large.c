/* Large directories and values, and nobody's connection but one. Arguments: SERVERS API */
#include "check.h"

enum { KEYS = 10000, MOST = 1000000 };

int main(int argc, char **argv)
{
    etcd_session s;
    etcd_entry *entries;
    char key[64], *value, *got, *line;
    size_t count, length;
    int at;

    CHECK(argc == 3);
    s = session_of(argv[1], argv[2]);
    for (at = 0; at < KEYS; at++) {
        snprintf(key, sizeof key, "large/%05d", at);
        CHECK(etcd_set(s, key, "value", NULL, 0) == ETCD_OK);
    }
    got = etcd_get(s, "large");
    CHECK(got);
    for (at = 0, line = got; at < KEYS; at++, line += strlen("/large/00000\n")) {
        snprintf(key, sizeof key, "/large/%05d\n", at);
        CHECK(!strncmp(line, key, strlen(key)));
    }
    CHECK(!*line);
    free(got);
    CHECK(etcd_list(s, "large", ETCD_TEXT, &entries, &count) == ETCD_OK && count == KEYS);
    for (at = 0; at < KEYS; at++) {
        snprintf(key, sizeof key, "/large/%05d", at);
        CHECK(!strcmp(entries[at].key, key) && !strcmp(entries[at].value, "value"));
    }
    etcd_free(entries);
    value = (char *)malloc(MOST + 1);
    for (length = 1; length <= MOST; length *= 10) {
        memset(value, 'x', length);
        value[length] = 0;
        CHECK(etcd_set(s, "one", value, NULL, 0) == ETCD_OK);
        got = etcd_get(s, "one");
        CHECK(got && !strcmp(got, value));
        free(got);
    }
    free(value);
    etcd_close(s);
    puts("ok");
    return 0;
}
