/* Loaded before the C library, this makes one call of one kind fail: REFUSE_CALL names the kind, REFUSE_AT the number of
   the call, from 1, and REFUSE_MARK a file that is made when it fails, so that a test knows whether it did. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int seen;

static int refused(const char *call) {
    const char *wanted = getenv("REFUSE_CALL"), *at = getenv("REFUSE_AT"), *mark = getenv("REFUSE_MARK");
    if (!wanted || !at || !mark || strcmp(wanted, call) != 0) return 0;
    if (atomic_fetch_add(&seen, 1) + 1 != atoi(at)) return 0;
    int file = open(mark, O_CREAT | O_WRONLY, 0600);
    if (file >= 0) close(file);
    errno = EIO;
    return 1;
}

#define NEXT(name) __typeof__(&name) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int fsync(int file) {
    NEXT(fsync);
    return refused("fsync") ? -1 : next(file);
}

int flock(int file, int operation) {
    NEXT(flock);
    return refused("flock") ? -1 : next(file, operation);
}

int mkdir(const char *path, mode_t mode) {
    NEXT(mkdir);
    return refused("mkdir") ? -1 : next(path, mode);
}

int rename(const char *from, const char *to) {
    NEXT(rename);
    return refused("rename") ? -1 : next(from, to);
}

ssize_t write(int file, const void *bytes, size_t length) {
    NEXT(write);
    /* Messages are no data: the first three files are never refused. */
    return file > 2 && refused("write") ? -1 : next(file, bytes, length);
}
