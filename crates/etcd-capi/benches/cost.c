/*
 * cost: what a get through the C interface costs its caller, on a v2 server that only answers.
 *
 *     cost v2-get --endpoint HOST:PORT --n N --value-size BYTES ...
 *
 * Prints one line of JSON: client CPU per operation, and how long one takes. Other cases end with status 64, as
 * the harness that runs it expects of what a program does not have.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "etcd-api.h"

enum { UNKNOWN_CASE = 64, MOST_WARM_UP = 1000 };

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static char *argument(int argc, char **argv, const char *name, char *otherwise)
{
    int at;

    for (at = 2; at + 1 < argc; at++)
        if (!strcmp(argv[at], name))
            return argv[at + 1];
    return otherwise;
}

/* Gets the key so many times, and notes how long each took. 0 where a reply is not what it must be. */
static int get(etcd_session session, long count, size_t value_size, double *times)
{
    char key[] = "bench/get", *value;
    long at;
    int good;

    for (at = 0; at < count; at++) {
        double began = now();

        value = etcd_get(session, key);
        good = value && strlen(value) == value_size;
        free(value);
        if (!good)
            return 0;
        if (times)
            times[at] = (now() - began) * 1e6;
    }
    return 1;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct rusage before, after;
    etcd_session session;
    double began, wall, user, sys, *times;
    size_t value_size;
    long n;

    if (argc < 2 || strcmp(argv[1], "v2-get") || strcmp(argument(argc, argv, "--concurrency", "1"), "1"))
        return UNKNOWN_CASE;
    n = strtol(argument(argc, argv, "--n", "10000"), NULL, 10);
    value_size = (size_t)strtol(argument(argc, argv, "--value-size", "256"), NULL, 10);
    session = etcd_open_str(argument(argc, argv, "--endpoint", "127.0.0.1:2379"));
    times = (double *)malloc((size_t)(n > 0 ? n : 1) * sizeof *times);
    if (n < 1 || !times || !session || etcd_set_option(session, ETCD_OPTION_API, "v2") != ETCD_OK)
        return 1;
    if (!get(session, n / 10 < MOST_WARM_UP ? n / 10 : MOST_WARM_UP, value_size, NULL)) {
        fprintf(stderr, "cost: %s\n", etcd_last_error(session)->text);
        return 1;
    }
    getrusage(RUSAGE_SELF, &before);
    began = now();
    if (!get(session, n, value_size, times))
        return 1;
    wall = now() - began;
    getrusage(RUSAGE_SELF, &after);
    user = seconds_of(after.ru_utime) - seconds_of(before.ru_utime);
    sys = seconds_of(after.ru_stime) - seconds_of(before.ru_stime);
    qsort(times, (size_t)n, sizeof *times, by_size);
    printf("{\"case\":\"v2-get\",\"peer\":\"ours\",\"n\":%ld,\"concurrency\":1,\"wall_s\":%.6f,\"ops_per_s\":%.1f,"
           "\"cpu_user_s\":%.6f,\"cpu_sys_s\":%.6f,\"cpu_us_per_op\":%.3f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
           "\"max_rss_kb\":%ld,\"errors\":0}\n",
           n, wall, (double)n / wall, user, sys, (user + sys) * 1e6 / (double)n, times[n / 2], times[n - 1 - n / 100],
           after.ru_maxrss);
    free(times);
    etcd_close(session);
    return 0;
}
