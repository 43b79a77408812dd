/* Loaded before libc (LD_PRELOAD), this lets writes to files below one folder fail as told.

   Calls that write, sync, cut or allocate are counted from failing_writes_arm() on. From the
   n-th on (or at the n-th only) they fail with the errno given; a write that fails leaves half
   of its bytes behind, as a disk may. With `freeable`, failing ends once a file whose name ends
   in ".reserve" was removed: the room that it held is there again. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char folder[PATH_MAX];
static long fail_at, seen;
static int fail_errno, is_sticky, is_freeable;

void failing_writes_arm(const char *below, long n, int error, int sticky, int freeable) {
    snprintf(folder, sizeof folder, "%s", below);
    fail_at = n;
    fail_errno = error;
    is_sticky = sticky;
    is_freeable = freeable;
    seen = 0;
}

/* Ends the failing; returns how many calls were counted. */
long failing_writes_disarm(void) {
    folder[0] = 0;
    return seen;
}

static int is_below(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path);
    size_t length = strlen(folder);
    return n >= (ssize_t)length && memcmp(path, folder, length) == 0;
}

static int fails(int fd) {
    int kept = errno, answer = 0;
    if (folder[0] && is_below(fd)) {
        seen++;
        answer = is_sticky ? seen >= fail_at : seen == fail_at;
    }
    errno = answer ? fail_errno : kept;
    return answer;
}

static void freed(const char *path) {
    size_t length = strlen(path);
    if (is_freeable && length >= 8 && strcmp(path + length - 8, ".reserve") == 0)
        is_sticky = 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t n) {
    if (!fails(fd))
        return REAL(write)(fd, data, n);
    REAL(write)(fd, data, n / 2);
    errno = fail_errno;
    return -1;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
    if (!fails(fd))
        return REAL(pwrite)(fd, data, n, at);
    REAL(pwrite)(fd, data, n / 2, at);
    errno = fail_errno;
    return -1;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
    if (!fails(fd))
        return REAL(pwrite64)(fd, data, n, at);
    REAL(pwrite64)(fd, data, n / 2, at);
    errno = fail_errno;
    return -1;
}

int fsync(int fd) { return fails(fd) ? -1 : REAL(fsync)(fd); }

int fdatasync(int fd) { return fails(fd) ? -1 : REAL(fdatasync)(fd); }

int ftruncate(int fd, off_t n) { return fails(fd) ? -1 : REAL(ftruncate)(fd, n); }

int ftruncate64(int fd, off64_t n) { return fails(fd) ? -1 : REAL(ftruncate64)(fd, n); }

int posix_fallocate(int fd, off_t at, off_t n) {
    return fails(fd) ? fail_errno : REAL(posix_fallocate)(fd, at, n);
}

int posix_fallocate64(int fd, off64_t at, off64_t n) {
    return fails(fd) ? fail_errno : REAL(posix_fallocate64)(fd, at, n);
}

int unlink(const char *path) {
    int answer = REAL(unlink)(path);
    if (answer == 0)
        freed(path);
    return answer;
}

