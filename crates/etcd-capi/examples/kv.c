/*
 * kv: reads, writes and watches keys of etcd.
 *
 *     cc kv.c $(pkg-config --cflags --libs etcd-api) -o kv
 *     ./kv 127.0.0.1:2379 set /greeting hello
 *     ./kv 127.0.0.1:2379 watch /greeting
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etcd-api.h"

static int usage(void)
{
    fputs("Usage: kv SERVERS get KEY\n"
          "       kv SERVERS set KEY VALUE\n"
          "       kv SERVERS watch PREFIX [COUNT]   ends after COUNT changes\n",
          stderr);
    return 2;
}

/* Says what went wrong, and whether it may have been done all the same. */
static int failed(etcd_session session)
{
    const etcd_error *error = etcd_last_error(session);

    fprintf(stderr, "kv: %s%s\n", error->text, error->outcome == ETCD_UNKNOWN ? " (it may have been done)" : "");
    return error->code == ETCD_ERROR_KEY_NOT_FOUND ? 3 : 1;
}

/* What others wrote may hold what a terminal would obey. */
static void show(const char *bytes, size_t length)
{
    size_t at;

    for (at = 0; at < length; at++) {
        unsigned char byte = (unsigned char)bytes[at];

        if (byte < 32 || byte == 127 || byte == '\\')
            printf("\\x%02x", byte);
        else
            putchar(byte);
    }
}

static int get(etcd_session session, const char *key)
{
    char *value;
    size_t length;

    if (etcd_get_n(session, key, ETCD_TEXT, &value, &length, NULL) != ETCD_OK)
        return failed(session);
    show(value, length);
    putchar('\n');
    etcd_free(value);
    return 0;
}

static int set(etcd_session session, char *key, char *value)
{
    return etcd_set(session, key, value, NULL, 0) == ETCD_OK ? 0 : failed(session);
}

static void show_change(const etcd_change *change)
{
    static const char *const kinds[] = {"set", "delete", "expire", "gap"};

    printf("%llu %s ", (unsigned long long)change->index, kinds[change->kind]);
    show(change->key, change->key_length);
    if (change->value) {
        putchar(' ');
        show(change->value, change->value_length);
    }
    putchar('\n');
    fflush(stdout);
}

static int watch(etcd_session session, const char *prefix, long count)
{
    etcd_watcher watcher = etcd_watch_start(session, prefix, ETCD_TEXT, 0);
    etcd_change *change;

    if (!watcher)
        return failed(session);
    while (count != 0) {
        if (etcd_watch_next(watcher, ETCD_FOREVER, &change) != ETCD_OK)
            return failed(session);
        show_change(change);
        etcd_free(change);
        if (count > 0)
            count--;
    }
    etcd_watch_stop(watcher);
    return 0;
}

/* How many changes to show; -1 is all there will be, and -2 no number. */
static long count_of(int argc, char **argv)
{
    char *end;
    long count;

    if (argc < 5)
        return -1;
    count = strtol(argv[4], &end, 10);
    return isdigit((unsigned char)argv[4][0]) && !*end ? count : -2;
}

static int command(etcd_session session, int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[2], "get"))
        return get(session, argv[3]);
    if (argc == 5 && !strcmp(argv[2], "set"))
        return set(session, argv[3], argv[4]);
    if ((argc == 4 || argc == 5) && !strcmp(argv[2], "watch") && count_of(argc, argv) > -2)
        return watch(session, argv[3], count_of(argc, argv));
    return usage();
}

int main(int argc, char **argv)
{
    etcd_session session;
    int status;

    if (argc < 4)
        return usage();
    session = etcd_open_str(argv[1]);
    if (!session)
        return failed(NULL);
    status = command(session, argc, argv);
    etcd_close(session);
    return status;
}
