"""Sends a descriptor of every kind, each in a packet with its kind's name."""
import array, ctypes, fcntl, os, select, socket, struct, sys

way = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
way.connect(sys.argv[1])
kept = []


def send(kind, thing):
    kept.append(thing)
    fd = thing if isinstance(thing, int) else thing.fileno()
    rights = array.array("i", [fd])
    way.sendmsg([kind.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])


libc = ctypes.CDLL(None, use_errno=True)
send("file", os.open(__file__, os.O_RDONLY))
send("directory", os.open("/", os.O_RDONLY))
send("path", os.open("/", os.O_PATH))
send("null", os.open("/dev/null", os.O_RDWR))
send("zero", os.open("/dev/zero", os.O_RDWR))
send("proc", os.open("/proc/self/maps", os.O_RDONLY))
send("memfd", os.memfd_create("strange"))
readable, writable = os.pipe()
send("pipe to read", readable)
send("pipe to write", writable)
send("eventfd", os.eventfd(0))
send("epoll", select.epoll())
send("pidfd", os.pidfd_open(os.getpid()))
send("signalfd", libc.signalfd(-1, (ctypes.c_ulong * 16)(), 0))
send("timerfd", libc.timerfd_create(1, 0))
send("inotify", libc.inotify_init())
master, slave = os.openpty()
send("terminal", slave)
send("udp", socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
send("datagram", socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0])
send("seqpacket", socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)[0])
send("netlink", socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
send("listener", listener)
send("unconnected", socket.socket())
send("unconnected unix", socket.socket(socket.AF_UNIX))
try:
    send("mptcp", socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262))
except OSError as e:
    print("no mptcp:", e, file=sys.stderr)
try:
    tun = os.open("/dev/net/tun", os.O_RDWR)
    send("tun without interface", tun)
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"oxstrange%d", 0x1001))
    send("tun", tun)
except OSError as e:
    print("no tun:", e, file=sys.stderr)
way.send(b"end")
sys.stdin.read()
