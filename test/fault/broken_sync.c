/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that loses writes, for the test of failed syncs: preloaded, fdatasync and fsync answer EIO
 * from the moment on at which the file $BROKEN_SYNC exists.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
broken(void)
{
    const char *trigger = getenv("BROKEN_SYNC");
    return trigger != NULL && access(trigger, F_OK) == 0;
}

static int
sync_or_fail(long call, int fd)
{
    if (broken()) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

int
fdatasync(int fd)
{
    return sync_or_fail(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
    return sync_or_fail(SYS_fsync, fd);
}
