/* What the C programs of the tests share. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etcd-api.h"

#define CHECK(what)                                                                       \
    do {                                                                                  \
        if (!(what)) {                                                                    \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #what);      \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

/* A session over the API that is named. */
static inline etcd_session session_of(char *servers, const char *api)
{
    etcd_session session = etcd_open_str(servers);
    CHECK(session);
    CHECK(etcd_set_option(session, ETCD_OPTION_API, api) == ETCD_OK);
    return session;
}

static inline etcd_error_code code_of(etcd_session session)
{
    return etcd_last_error(session)->code;
}

#endif
