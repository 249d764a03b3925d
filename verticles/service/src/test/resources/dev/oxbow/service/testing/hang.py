"""Mounts a FUSE file system whose only file hangs whoever reads or closes it, and sends that.

This process has no descriptor of the file, so that its end, which closes /dev/fuse, always lets go
those who hang; and the alarm ends it even when whoever started it hangs, too.
"""
import array, ctypes, os, select, signal, socket, struct, sys, tempfile

LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT, INTERRUPT = 1, 2, 3, 14, 15, 18, 25, 26, 36
LIFETIME_SECONDS = 20

signal.alarm(LIFETIME_SECONDS)
libc = ctypes.CDLL(None, use_errno=True)
fuse = os.open("/dev/fuse", os.O_RDWR)
place = tempfile.mkdtemp()
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0"
if libc.mount(b"hang", place.encode(), b"fuse", 0, options.encode()) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))


def hand_out():
    """The child that opens the file; it alone can close it."""
    os.close(fuse)
    file = os.open(place + "/file", os.O_RDONLY)
    libc.umount2(place.encode(), 2)
    os.rmdir(place)
    way = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    way.connect(sys.argv[1])
    rights = array.array("i", [file])
    way.sendmsg([b"fuse"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    way.send(b"end")
    os._exit(0)


def attributes(node):
    mode = 0o40755 if node == 1 else 0o100644
    return struct.pack("<6Q10I", node, 100, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def serve(request):
    _, op, unique, node, _, _, pid = struct.unpack_from("<IIQQIII", request)
    error, body = 0, b""
    if op in (FORGET, INTERRUPT) or op in (READ, FLUSH, RELEASE) and pid != opener:
        return
    if op == INIT:
        body = struct.pack("<IIIIHHIIHHI28x", 7, 31, 4096, 0, 8, 8, 4096, 1, 1, 0, 0)
    elif op == LOOKUP:
        body = struct.pack("<QQQQII", 2, 0, 60, 60, 0, 0) + attributes(2)
    elif op == GETATTR:
        body = struct.pack("<QII", 60, 0, 0) + attributes(node)
    elif op == OPEN:
        body = struct.pack("<QII", 1, 1, 0)
    elif op not in (FLUSH, RELEASE):
        error = -38
    os.write(fuse, struct.pack("<IiQ", 16 + len(body), error, unique) + body)


opener = os.fork()
if opener == 0:
    hand_out()
while True:
    ready, _, _ = select.select([fuse, 0], [], [])
    if 0 in ready:
        break
    serve(os.read(fuse, 1 << 20))
