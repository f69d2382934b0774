/* LD_PRELOAD: counts, fails and records what a process and its children do to the files below one folder.

The file named by STORAGE_CONTROL is mapped as `struct control` and shared by all processes. Calls that change a file
system are numbered from 1. At call number `at`, and for some kinds at all later ones, `kind` happens. With `log` set,
every call that was carried out is appended to that file as a `struct record`, two paths and the data.

Not seen: writes through memory maps (of SQLite only its -shm index, which is no data) and buffers that the C library
itself flushes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NOTHING, KILL_BEFORE, KILL_AFTER, TORN, ERROR_ONCE, NO_SPACE, READ_ONLY };
enum op { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, LINK, UNLINK, MKDIR, RMDIR, MARK };

struct control {
    int64_t at, kind, count, error;
    char root[1024], log[1024];
};

struct record {
    int64_t op, inode, offset, first_length, second_length, data_length;
};

static struct control *control;

__attribute__((constructor)) static void map_control(void)
{
    const char *path = getenv("STORAGE_CONTROL");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (at != MAP_FAILED)
        control = at;
}

/* ------------------------------------------------------------------ which calls count */

static int below_root(const char *path)
{
    size_t length = strlen(control->root);
    size_t end = strlen(path);
    return length && strncmp(path, control->root, length) == 0 && (path[length] == '/' || path[length] == 0) &&
           !(end > 4 && strcmp(path + end - 4, "-shm") == 0);
}

static int path_at(int directory, const char *path, char *whole)
{
    char base[PATH_MAX], link[64];
    if (!control || !control->root[0])
        return 0;
    if (path[0] == '/') {
        snprintf(whole, PATH_MAX, "%s", path);
        return below_root(whole);
    }
    ssize_t length;
    if (directory == AT_FDCWD)
        length = syscall(SYS_getcwd, base, sizeof base) > 0 ? (ssize_t)strlen(base) : -1;
    else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
        length = readlink(link, base, sizeof base - 1);
    }
    if (length < 0)
        return 0;
    base[length] = 0;
    if (strncmp(path, "./", 2) == 0)
        path += 2;
    if (snprintf(whole, PATH_MAX, "%s/%s", base, path) >= PATH_MAX)
        return 0;
    return below_root(whole);
}

static int path_of(int file, char *whole)
{
    char link[64];
    if (!control || !control->root[0])
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, whole, PATH_MAX - 1);
    if (length < 0)
        return 0;
    whole[length] = 0;
    return below_root(whole);
}

static int64_t inode_of(int file)
{
    struct stat found;
    return fstat(file, &found) == 0 ? (int64_t)found.st_ino : 0;
}

/* ------------------------------------------------------------------ recording */

static void keep(enum op op, int64_t inode, int64_t offset, const char *first, const char *second, const void *data,
                 size_t length)
{
    if (!control->log[0])
        return;
    int saved = errno;
    struct record record = {op, inode, offset, strlen(first), strlen(second), length};
    struct iovec parts[] = {{&record, sizeof record},
                            {(void *)first, record.first_length},
                            {(void *)second, record.second_length},
                            {(void *)data, length}};
    int file = syscall(SYS_openat, AT_FDCWD, control->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    syscall(SYS_writev, file, parts, 4);
    syscall(SYS_close, file);
    errno = saved;
}

/* The test says that something is promised from here on. */
void storage_mark(const char *text)
{
    if (control)
        keep(MARK, 0, 0, text, "", "", 0);
}

/* ------------------------------------------------------------------ failing */

static void die(void)
{
    kill(0, SIGKILL);
    for (;;)
        pause();
}

/* Number this call; 0 if it may be carried out, else its error. `grows` says whether it needs room on the disk. */
static int fails(int grows, int64_t *number)
{
    *number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
    if (!control->at || *number < control->at)
        return 0;
    switch (control->kind) {
    case KILL_BEFORE:
        die();
        return 0;
    case ERROR_ONCE:
        return *number == control->at ? control->error : 0;
    case NO_SPACE:
        return grows ? ENOSPC : 0;
    case READ_ONLY:
        return EROFS;
    default:
        return 0;
    }
}

static int is_at(int64_t number, enum kind kind)
{
    return control->kind == kind && number == control->at;
}

#define BEGIN(grows)                                                                                                   \
    int64_t number;                                                                                                    \
    int error = fails(grows, &number);                                                                                 \
    if (error) {                                                                                                       \
        errno = error;                                                                                                 \
        return -1;                                                                                                     \
    }
#define END                                                                                                            \
    if (is_at(number, KILL_AFTER) || is_at(number, TORN))                                                              \
        die();

/* ------------------------------------------------------------------ data */

static ssize_t put(int file, const void *data, size_t length, int64_t offset, int positioned)
{
    char path[PATH_MAX];
    if (!path_of(file, path))
        return positioned ? syscall(SYS_pwrite64, file, data, length, offset) : syscall(SYS_write, file, data, length);
    BEGIN(1)
    if (!positioned) {
        struct stat found;
        fstat(file, &found);
        offset = fcntl(file, F_GETFL) & O_APPEND ? found.st_size : lseek(file, 0, SEEK_CUR);
    }
    if (is_at(number, TORN))
        length /= 2;
    ssize_t done =
        positioned ? syscall(SYS_pwrite64, file, data, length, offset) : syscall(SYS_write, file, data, length);
    if (done >= 0)
        keep(WRITE, inode_of(file), offset, path, "", data, done);
    END
    return done;
}

ssize_t write(int file, const void *data, size_t length)
{
    return put(file, data, length, 0, 0);
}

ssize_t pwrite(int file, const void *data, size_t length, off_t offset)
{
    return put(file, data, length, offset, 1);
}

ssize_t pwrite64(int file, const void *data, size_t length, off64_t offset)
{
    return put(file, data, length, offset, 1);
}

static int cut(int file, int64_t length)
{
    char path[PATH_MAX];
    if (!path_of(file, path))
        return syscall(SYS_ftruncate, file, length);
    BEGIN(0)
    int status = syscall(SYS_ftruncate, file, length);
    if (status == 0)
        keep(TRUNCATE, inode_of(file), length, path, "", "", 0);
    END
    return status;
}

int ftruncate(int file, off_t length)
{
    return cut(file, length);
}

int ftruncate64(int file, off64_t length)
{
    return cut(file, length);
}

/* A sync is kept with all the file now holds, because the C library may have written some of it unseen. */
static void keep_synchronised(int file, const char *path)
{
    struct stat found;
    if (!control->log[0] || fstat(file, &found) != 0)
        return;
    int saved = errno;
    int again = S_ISREG(found.st_mode) ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) : -1;
    char *data = again < 0 ? NULL : malloc(found.st_size + 1);
    ssize_t length = data ? syscall(SYS_pread64, again, data, found.st_size, 0) : 0;
    keep(SYNC, found.st_ino, 0, path, "", data ? data : "", length > 0 ? length : 0);
    free(data);
    if (again >= 0)
        syscall(SYS_close, again);
    errno = saved;
}

static int synchronise(int file, long call)
{
    char path[PATH_MAX];
    if (!path_of(file, path))
        return syscall(call, file);
    BEGIN(1)
    int status = syscall(call, file);
    if (status == 0)
        keep_synchronised(file, path);
    END
    return status;
}

int fsync(int file)
{
    return synchronise(file, SYS_fsync);
}

int fdatasync(int file)
{
    return synchronise(file, SYS_fdatasync);
}

/* ------------------------------------------------------------------ names */

static int open_at(int directory, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    int changes = flags & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR);
    if ((flags & O_TMPFILE) == O_TMPFILE || !changes || !path_at(directory, name, path))
        return syscall(SYS_openat, directory, name, flags, mode);
    if (control->kind == READ_ONLY && control->at && control->count >= control->at) {
        errno = EROFS;
        return -1;
    }
    struct stat before;
    int existed = syscall(SYS_newfstatat, AT_FDCWD, path, &before, 0) == 0;
    if (existed ? !(flags & O_TRUNC) || before.st_size == 0 : !(flags & O_CREAT))
        return syscall(SYS_openat, directory, name, flags, mode);
    BEGIN(!existed)
    int file = syscall(SYS_openat, directory, name, flags, mode);
    if (file >= 0)
        keep(existed ? TRUNCATE : CREATE, inode_of(file), 0, path, "", "", 0);
    END
    return file;
}

#define MODE                                                                                                           \
    mode_t mode = 0;                                                                                                   \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                                                             \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode = va_arg(rest, mode_t);                                                                                   \
        va_end(rest);                                                                                                  \
    }

int open(const char *name, int flags, ...)
{
    MODE return open_at(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...)
{
    MODE return open_at(AT_FDCWD, name, flags | O_LARGEFILE, mode);
}

int openat(int directory, const char *name, int flags, ...)
{
    MODE return open_at(directory, name, flags, mode);
}

int openat64(int directory, const char *name, int flags, ...)
{
    MODE return open_at(directory, name, flags | O_LARGEFILE, mode);
}

static int two_names(enum op op, int from, const char *old, int to, const char *name, int flags)
{
    char first[PATH_MAX], second[PATH_MAX];
    int ours = path_at(from, old, first);
    ours = path_at(to, name, second) && ours;
    long call = op == RENAME ? SYS_renameat2 : SYS_linkat;
    if (!ours)
        return syscall(call, from, old, to, name, flags);
    BEGIN(1)
    int status = syscall(call, from, old, to, name, flags);
    if (status == 0)
        keep(op, 0, 0, first, second, "", 0);
    END
    return status;
}

int rename(const char *old, const char *name)
{
    return two_names(RENAME, AT_FDCWD, old, AT_FDCWD, name, 0);
}

int renameat(int from, const char *old, int to, const char *name)
{
    return two_names(RENAME, from, old, to, name, 0);
}

int renameat2(int from, const char *old, int to, const char *name, unsigned flags)
{
    return two_names(RENAME, from, old, to, name, flags);
}

int link(const char *old, const char *name)
{
    return two_names(LINK, AT_FDCWD, old, AT_FDCWD, name, 0);
}

int linkat(int from, const char *old, int to, const char *name, int flags)
{
    return two_names(LINK, from, old, to, name, flags);
}

static int one_name(enum op op, int directory, const char *name, long call, int last)
{
    char path[PATH_MAX];
    if (!path_at(directory, name, path))
        return syscall(call, directory, name, last);
    BEGIN(op == MKDIR)
    int status = syscall(call, directory, name, last);
    if (status == 0)
        keep(op, 0, 0, path, "", "", 0);
    END
    return status;
}

int unlink(const char *name)
{
    return one_name(UNLINK, AT_FDCWD, name, SYS_unlinkat, 0);
}

int unlinkat(int directory, const char *name, int flags)
{
    return one_name(flags & AT_REMOVEDIR ? RMDIR : UNLINK, directory, name, SYS_unlinkat, flags);
}

int rmdir(const char *name)
{
    return one_name(RMDIR, AT_FDCWD, name, SYS_unlinkat, AT_REMOVEDIR);
}

int mkdir(const char *name, mode_t mode)
{
    return one_name(MKDIR, AT_FDCWD, name, SYS_mkdirat, mode);
}

int mkdirat(int directory, const char *name, mode_t mode)
{
    return one_name(MKDIR, directory, name, SYS_mkdirat, mode);
}
