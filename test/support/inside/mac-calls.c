/*
 * macOS' calls, as far as the server of a mount makes them, in terms of Linux': with macOS' numbers, layouts and
 * manners (XNU's sources), so that what is written for a Mac runs here. Each has "mac_" before its name. It is a
 * stand-in: what it gets wrong of a Mac, a test that passes over it gets wrong too.
 */
typedef unsigned long size_t;
typedef long ssize_t;
typedef unsigned int u32;

int *__errno_location(void);
long syscall(long, ...);
int openat(int, const char *, int, ...);
int close(int);
int dup(int);
int fcntl(int, int, ...);
int accept(int, void *, void *);
int ftruncate(int, long);
int mkdirat(int, const char *, u32);
int symlinkat(const char *, int, const char *);
int linkat(int, const char *, int, const char *, int);
int unlinkat(int, const char *, int);
int renameat2(int, const char *, int, const char *, u32);
ssize_t readlinkat(int, const char *, char *, size_t);
int fchmod(int, u32);
int fchmodat(int, const char *, u32, int);
int fchown(int, int, int);
int fchownat(int, const char *, int, int, int);
int futimens(int, const void *);
int utimensat(int, const char *, const void *, int);
ssize_t preadv(int, const void *, int, long);
ssize_t pwritev(int, const void *, int, long);
int fsync(int);
int syncfs(int);
long lseek(int, long, int);
ssize_t fgetxattr(int, const char *, void *, size_t);
int fsetxattr(int, const char *, const void *, size_t, int);
ssize_t flistxattr(int, char *, size_t);
int fremovexattr(int, const char *);
ssize_t recvmsg(int, void *, int);
ssize_t sendmsg(int, const void *, int);
int socketpair(int, int, int, int *);
int socket(int, int, int);
int bind(int, const void *, u32);
int connect(int, const void *, u32);
int listen(int, int);
int poll(void *, size_t, int);
ssize_t read(int, void *, size_t);
ssize_t write(int, const void *, size_t);
void *mmap(void *, size_t, int, int, int, long);
int munmap(void *, size_t);
int madvise(void *, size_t, int);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
size_t strlen(const char *);
int strncmp(const char *, const char *, size_t);
int memfd_create(const char *, u32);
int fstatfs(int, void *);
int statx(int, const char *, int, u32, void *);

int *mac___error(void) { return __errno_location(); }

static int fail(int number) {
  *__errno_location() = number;
  return -1;
}

/* Errors of these calls whose numbers differ: Linux', macOS'. */
static const int errors[][2] = {{11, 35}, {35, 11}, {36, 63}, {38, 78}, {39, 66}, {40, 62}, {61, 93},
                                {84, 92}, {90, 40}, {95, 45}, {104, 54}, {107, 57}, {111, 61}, {116, 70}, {122, 69}};

static long rc(long result) {
  if (result >= 0) return result;
  int number = *__errno_location();
  for (int i = 0; i < (int)(sizeof errors / sizeof errors[0]); i++)
    if (errors[i][0] == number) return fail(errors[i][1]);
  return fail(number);
}

static int at(int dir) { return dir == -2 ? -100 : dir; }

static const int flags[][2] = {{0x4, 04000}, {0x8, 02000}, {0x80, 04010000}, {0x100, 0400000}, {0x200, 0100},
                               {0x400, 01000}, {0x800, 0200}, {0x100000, 0200000}, {0x1000000, 02000000}};

int mac___openat(int dir, const char *path, int given, u32 mode) {
  int own = given & 3;
  for (int i = 0; i < (int)(sizeof flags / sizeof flags[0]); i++)
    if ((given & flags[i][0]) == flags[i][0]) own |= flags[i][1];
  /* To search a folder needs no right to read it. */
  if ((given & 0x40000000) != 0) own |= 010000000;
  if ((given & 0x20000000) == 0) return rc(openat(at(dir), path, own, mode));
  /* RESOLVE_NO_SYMLINKS of openat2(2). */
  unsigned long how[3] = {own, 0, 4};
  return rc(syscall(437, at(dir), path, how, sizeof how));
}

int mac___fcntl(int fd, int command, char *path) {
  if (command != 50) return fail(22);
  char name[32] = "/proc/self/fd/", digits[12];
  int count = 0, length = 14;
  do digits[count++] = '0' + fd % 10; while ((fd /= 10) > 0);
  while (count > 0) name[length++] = digits[--count];
  name[length] = 0;
  ssize_t got = readlinkat(-100, name, path, 1023);
  if (got < 0) return rc(got);
  path[got] = 0;
  /* A file that has lost its name. */
  if (got > 10 && strncmp(path + got - 10, " (deleted)", 10) == 0) return fail(2);
  /* What "x.moved" was is said to be at "x", as if it had been there, and another had come, when it is looked for. */
  if (got > 6 && strncmp(path + got - 6, ".moved", 6) == 0) path[got - 6] = 0;
  return 0;
}

int mac___shm_open(const char *name, int given, u32 mode) {
  return strlen(name) > 31 ? fail(63) : rc(memfd_create(name, 1));
}
int mac_shm_unlink(const char *name) { return 0; }
int mac_close(int fd) { return rc(close(fd)); }
int mac_dup(int fd) { return rc(dup(fd)); }
int mac_accept(int fd, void *address, void *length) { return rc(accept(fd, address, length)); }
int mac_ioctl(int fd, unsigned long request) { return request == 0x20006601 ? rc(fcntl(fd, 2, 1)) : fail(25); }

static void put(void *to, int offset, const void *from, int bytes) { memmove((char *)to + offset, from, bytes); }

static int tell(int dir, const char *path, int how, void *to) {
  char x[256];
  if (statx(dir, path, how, 0xfff, x) != 0) return rc(-1);
  memset(to, 0, 144);
  int device = (*(u32 *)(x + 136) << 24) | *(u32 *)(x + 140), rdev = (*(u32 *)(x + 128) << 24) | *(u32 *)(x + 132);
  put(to, 0, &device, 4);
  put(to, 4, x + 28, 2);
  put(to, 6, x + 16, 2);
  put(to, 8, x + 32, 8);
  put(to, 16, x + 20, 8);
  put(to, 24, &rdev, 4);
  put(to, 32, x + 64, 12);
  put(to, 48, x + 112, 12);
  put(to, 64, x + 96, 12);
  put(to, 80, x + 80, 12);
  put(to, 96, x + 40, 16);
  put(to, 112, x + 4, 4);
  return 0;
}

int mac_fstat64(int fd, void *to) { return tell(fd, "", 0x1000, to); }
int mac_fstatat64(int dir, const char *path, void *to, int how) {
  return how == 0x20 ? tell(at(dir), path, 0x100, to) : fail(22);
}

int mac_fstatfs64(int fd, void *to) {
  char s[120];
  if (fstatfs(fd, s) != 0) return rc(-1);
  memset(to, 0, 2168);
  put(to, 0, s + 8, 4);
  put(to, 8, s + 16, 40);
  return 0;
}

ssize_t mac___getdirentries64(int fd, char *to, size_t length, long *position) {
  static char entries[32768];
  ssize_t got = syscall(217, fd, entries, length / 2 < sizeof entries ? length / 2 : sizeof entries);
  if (got < 0) return rc(got);
  ssize_t used = 0;
  for (ssize_t i = 0; i < got; i += *(unsigned short *)(entries + i + 16)) {
    unsigned short name = strlen(entries + i + 19), record = (21 + name + 1 + 3) & ~3;
    memset(to + used, 0, record);
    put(to + used, 0, entries + i, 8);
    put(to + used, 16, &record, 2);
    put(to + used, 18, &name, 2);
    to[used + 20] = entries[i + 18];
    put(to + used, 21, entries + i + 19, name);
    used += record;
  }
  *position = lseek(fd, 0, 1);
  return used;
}

int mac_mkdirat(int dir, const char *path, u32 mode) { return rc(mkdirat(at(dir), path, mode)); }
int mac_symlinkat(const char *target, int dir, const char *path) { return rc(symlinkat(target, at(dir), path)); }
int mac_linkat(int from, const char *path, int to, const char *name, int how) {
  return how == 0 ? rc(linkat(at(from), path, at(to), name, 0)) : fail(22);
}
int mac_unlinkat(int dir, const char *path, int how) {
  return how == 0 || how == 0x80 ? rc(unlinkat(at(dir), path, how == 0 ? 0 : 0x200)) : fail(22);
}
int mac_renameatx_np(int from, const char *path, int to, const char *name, u32 how) {
  return (how & ~6) != 0 ? fail(22) : rc(renameat2(at(from), path, at(to), name, ((how & 4) >> 2) | (how & 2)));
}
ssize_t mac_readlinkat(int dir, const char *path, char *to, size_t length) {
  return rc(readlinkat(at(dir), path, to, length));
}
int mac_fchmod(int fd, u32 mode) { return rc(fchmod(fd, mode)); }
int mac_fchmodat(int dir, const char *path, u32 mode, int how) {
  return rc(fchmodat(at(dir), path, mode, how == 0x20 ? 0x100 : 0));
}
int mac_fchown(int fd, int uid, int gid) { return rc(fchown(fd, uid, gid)); }
int mac_fchownat(int dir, const char *path, int uid, int gid, int how) {
  return rc(fchownat(at(dir), path, uid, gid, how == 0x20 ? 0x100 : 0));
}

static const long *own_times(const long *times) {
  static long own[4];
  for (int i = 0; i < 4; i++) own[i] = i % 2 == 0 || times[i] >= 0 ? times[i] : times[i] == -1 ? 0x3fffffff : 0x3ffffffe;
  return own;
}

int mac_futimens(int fd, const long *times) { return rc(futimens(fd, own_times(times))); }
int mac_utimensat(int dir, const char *path, const long *times, int how) {
  return rc(utimensat(at(dir), path, own_times(times), how == 0x20 ? 0x100 : 0));
}
int mac_ftruncate(int fd, long size) { return rc(ftruncate(fd, size)); }
ssize_t mac_preadv(int fd, const void *vectors, int count, long from) { return rc(preadv(fd, vectors, count, from)); }
ssize_t mac_pwritev(int fd, const void *vectors, int count, long from) {
  return rc(pwritev(fd, vectors, count, from));
}
int mac_fsync(int fd) { return rc(fsync(fd)); }
int mac_ffsctl(int fd, unsigned long request, int *how, u32 options) {
  return request == 0x80044101 && *how == 2 ? rc(syncfs(fd)) : fail(22);
}
long mac_lseek(int fd, long to, int whence) {
  return rc(lseek(fd, to, whence == 3 ? 4 : whence == 4 ? 3 : whence));
}
ssize_t mac_fgetxattr(int fd, const char *name, void *to, size_t length, u32 position, int how) {
  return how != 0 ? fail(22) : rc(fgetxattr(fd, name, to, length));
}
int mac_fsetxattr(int fd, const char *name, const void *value, size_t length, u32 position, int how) {
  return (how & ~6) != 0 ? fail(22) : rc(fsetxattr(fd, name, value, length, how >> 1));
}
ssize_t mac_flistxattr(int fd, char *to, size_t length, int how) {
  return how != 0 ? fail(22) : rc(flistxattr(fd, to, length));
}
int mac_fremovexattr(int fd, const char *name, int how) { return how != 0 ? fail(22) : rc(fremovexattr(fd, name)); }
size_t mac_strlen(const char *text) { return strlen(text); }
int mac_strncmp(const char *one, const char *other, size_t length) { return strncmp(one, other, length); }

/* struct msghdr: macOS' has an int for the count of vectors, and lengths of 32 bits. */
struct mac_message {
  void *name;
  u32 nameLength;
  void *vectors;
  int count;
  char *control;
  u32 controlLength;
  int flags;
};
struct message {
  void *name;
  u32 nameLength;
  void *vectors;
  size_t count;
  char *control;
  size_t controlLength;
  int flags;
};

ssize_t mac_recvmsg(int fd, struct mac_message *m, int how) {
  static char control[1024];
  struct message own = {m->name, m->nameLength, m->vectors, m->count, control, 0, 0};
  if ((how & ~0x80) != 0) return fail(22);
  /* As many descriptors as there is room for: the head has 12 bytes there, 16 here. */
  own.controlLength = m->controlLength < 16 ? 0 : m->controlLength - 12 + 16;
  ssize_t got = recvmsg(fd, &own, how == 0x80 ? 0x40 : 0);
  if (got < 0) return rc(got);
  m->controlLength = 0;
  m->flags = (own.flags & 8) != 0 ? 0x20 : 0;
  if (own.controlLength < 16) return got;
  int count = (*(size_t *)control - 16) / 4, level = 0xffff, type = 1;
  u32 length = 12 + 4 * count;
  put(m->control, 0, &length, 4);
  put(m->control, 4, &level, 4);
  put(m->control, 8, &type, 4);
  put(m->control, 12, control + 16, 4 * count);
  m->controlLength = length;
  return got;
}

ssize_t mac_sendmsg(int fd, struct mac_message *m, int how) {
  static char control[1024];
  struct message own = {m->name, m->nameLength, m->vectors, m->count, control, 0, 0};
  if (how != 0) return fail(22);
  if (m->controlLength > 0) {
    int count = (*(u32 *)m->control - 12) / 4, level = 1, type = 1;
    size_t length = 16 + 4 * count;
    /* unp_internalize: the length of the message is that of the control, which is for descriptors alone. */
    if (*(u32 *)m->control != m->controlLength || *(int *)(m->control + 4) != 0xffff || *(int *)(m->control + 8) != 1)
      return fail(22);
    put(control, 0, &length, 8);
    put(control, 8, &level, 4);
    put(control, 12, &type, 4);
    put(control, 16, m->control + 12, 4 * count);
    own.controlLength = (length + 7) & ~7;
  } else own.control = 0;
  return rc(sendmsg(fd, &own, 0));
}

int mac_socketpair(int domain, int type, int protocol, int *fds) {
  return type == 1 || type == 2 ? rc(socketpair(domain, type, protocol, fds)) : fail(43);
}
int mac_socket(int domain, int type, int protocol) {
  return type == 1 || type == 2 ? rc(socket(domain, type, protocol)) : fail(43);
}

/* struct sockaddr_un: its length and its family, a byte each, and 104 bytes for the path. */
static const char *own_address(const unsigned char *address, u32 length) {
  static char own[128];
  memset(own, 0, sizeof own);
  own[0] = address[1];
  put(own, 2, address + 2, length - 2);
  return own;
}

int mac_bind(int fd, const unsigned char *address, u32 length) {
  return length > 106 || address[0] != length ? fail(22) : rc(bind(fd, own_address(address, length), length));
}
int mac_connect(int fd, const unsigned char *address, u32 length) {
  return length > 106 || address[0] != length ? fail(22) : rc(connect(fd, own_address(address, length), length));
}
int mac_listen(int fd, int backlog) { return rc(listen(fd, backlog)); }
int mac_poll(void *list, size_t count, int timeout) { return rc(poll(list, count, timeout)); }
ssize_t mac_read(int fd, void *to, size_t length) { return rc(read(fd, to, length)); }
ssize_t mac_write(int fd, const void *from, size_t length) { return rc(write(fd, from, length)); }
void *mac_mmap(void *address, size_t length, int rights, int how, int fd, long offset) {
  return mmap(address, length, rights, (how & 3) | ((how & 0x1000) != 0 ? 0x20 : 0), fd, offset);
}
int mac_munmap(void *address, size_t length) { return rc(munmap(address, length)); }
int mac_madvise(void *address, size_t length, int advice) { return rc(madvise(address, length, advice)); }
void mac_memmove(unsigned long to, unsigned long from, unsigned long length) {
  memmove((void *)to, (const void *)from, length);
}
