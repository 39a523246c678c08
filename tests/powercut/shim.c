/* What a disk holds for certain, told by the calls that make it so.
 *
 * Preloaded into a program, it keeps beside POWERCUT_ROOT, in POWERCUT_DISK, the content of each
 * file as of its last fsync ("data-INODE") and the names in each folder as of its last fsync
 * ("names-INODE": type, inode, name, each ended by a NUL). Nothing else survives a power cut:
 * that is all that POSIX promises.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int made;

static int is_beneath(const char *path)
{
    const char *root = getenv("POWERCUT_ROOT");
    size_t length = root ? strlen(root) : 0;
    return length && !strncmp(path, root, length) && (path[length] == '/' || !path[length]);
}

static void keep(int from, const struct stat *found)
{
    char fresh[PATH_MAX], name[PATH_MAX], block[1 << 16];
    const char *disk = getenv("POWERCUT_DISK");
    int is_folder = S_ISDIR(found->st_mode);
    snprintf(fresh, sizeof fresh, "%s/new-%d-%d", disk, getpid(), atomic_fetch_add(&made, 1));
    snprintf(name, sizeof name, "%s/%s-%lu", disk, is_folder ? "names" : "data",
             (unsigned long)found->st_ino);
    int to = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        abort();
    if (is_folder) {
        char path[64];
        struct dirent *one;
        snprintf(path, sizeof path, "/proc/self/fd/%d", from);
        DIR *folder = opendir(path);
        if (!folder)
            abort();
        while ((one = readdir(folder)))
            if (strcmp(one->d_name, ".") && strcmp(one->d_name, ".."))
                dprintf(to, "%c%c%lu%c%s%c", one->d_type == DT_DIR ? 'd' : 'f', 0,
                        (unsigned long)one->d_ino, 0, one->d_name, 0);
        closedir(folder);
    } else {
        char path[64];
        ssize_t got;
        snprintf(path, sizeof path, "/proc/self/fd/%d", from);
        int again = open(path, O_RDONLY | O_CLOEXEC); /* a position, and rights, of its own */
        if (again < 0)
            abort();
        while ((got = read(again, block, sizeof block)) > 0)
            if (write(to, block, got) != got)
                abort();
        close(again);
    }
    close(to);
    if (rename(fresh, name))
        abort();
}

static int synced(int descriptor, const char *call)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
    int answer = real(descriptor);
    char link[64], path[PATH_MAX];
    struct stat found;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (answer || length < 0 || fstat(descriptor, &found) || !found.st_nlink)
        return answer;
    path[length] = 0;
    if (is_beneath(path) && (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode)))
        keep(descriptor, &found);
    return answer;
}

int fsync(int descriptor)
{
    return synced(descriptor, "fsync");
}

int fdatasync(int descriptor)
{
    return synced(descriptor, "fdatasync");
}
