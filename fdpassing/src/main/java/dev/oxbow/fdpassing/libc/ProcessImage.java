package dev.oxbow.fdpassing.libc;

import com.kenai.jffi.CallingConvention;
import com.kenai.jffi.Function;
import com.kenai.jffi.HeapInvocationBuffer;
import com.kenai.jffi.Invoker;
import com.kenai.jffi.LastError;
import com.kenai.jffi.Library;
import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What a program needs to become another one, execve(2), with the descriptors that shall live on.
 * It calls the C library through jffi alone, without the stubs that jnr-ffi generates: those cost
 * several times as much to load, and are lost with the exec. For the first thread of a program that
 * has done nothing else; {@link Syscalls} is for everybody else. Memory for arguments is never
 * freed, because the process is about to be replaced.
 */
public final class ProcessImage {
  private static final int O_RDWR = 2;
  private static final int O_CREAT = 0x40;
  private static final int LOCK_SH = 1;
  private static final int F_SETFD = 2;
  private static final int FD_CLOEXEC = 1;
  private static final Type INT = Type.SINT32;
  private static final Type POINTER = Type.POINTER;
  private static final MemoryIO MEMORY = MemoryIO.getInstance();

  private ProcessImage() {}

  /**
   * Opens a file, made when missing with mode 0600, and locks it shared, flock(2), waiting for who
   * holds it exclusively. The descriptor stays open across exec, and the lock with it.
   */
  public static int openShared(String path) {
    Call open = new Call("open", INT, POINTER, INT, INT);
    int fd = open.pointer(string(bytes(path))).number(O_RDWR | O_CREAT).number(0600).run();
    try {
      new Call("flock", INT, INT, INT).number(fd).number(LOCK_SH).run();
      return fd;
    } catch (RuntimeException e) {
      close(fd);
      throw e;
    }
  }

  /** close(2). */
  public static void close(int fd) {
    new Call("close", INT, INT).number(fd).run();
  }

  /** Lets a descriptor end at an exec (FD_CLOEXEC); one that is not open is left alone. */
  public static void closeOnExec(int fd) {
    try {
      new Call("fcntl", INT, INT, INT, INT).number(fd).number(F_SETFD).number(FD_CLOEXEC).run();
    } catch (LinuxException e) {
      if (e.errno() != Errno.EBADF) {
        throw e;
      }
    }
  }

  /**
   * Becomes another program: same pid, environment, working directory and descriptors. All other
   * threads are gone. Returns only by an exception.
   *
   * @param program path of an executable
   * @param arguments as main() gets them, the name of the program first, without the final NUL
   * @throws LinuxException when the process stays what it is
   */
  public static void exec(String program, List<byte[]> arguments) {
    long pointers = MEMORY.allocateMemory((arguments.size() + 1L) * Long.BYTES, true);
    for (int i = 0; i < arguments.size(); i++) {
      MEMORY.putAddress(pointers + (long) i * Long.BYTES, string(arguments.get(i)));
    }
    Call execv = new Call("execv", INT, POINTER, POINTER);
    execv.pointer(string(bytes(program))).pointer(pointers).run();
  }

  private static byte[] bytes(String path) {
    return path.getBytes(StandardCharsets.UTF_8);
  }

  private static long string(byte[] bytes) {
    long address = MEMORY.allocateMemory(bytes.length + 1L, true);
    MEMORY.putByteArray(address, bytes, 0, bytes.length);
    return address;
  }

  /** One call of a function of the C library, whose arguments are added in order. */
  private static final class Call {
    private final String name;
    private final Function function;
    private final HeapInvocationBuffer arguments;

    Call(String name, Type result, Type... parameters) {
      this.name = name;
      long address = Library.getDefault().getSymbolAddress(name);
      this.function = new Function(address, result, parameters, CallingConvention.DEFAULT, true);
      this.arguments = new HeapInvocationBuffer(function);
    }

    Call number(int value) {
      arguments.putInt(value);
      return this;
    }

    Call pointer(long address) {
      arguments.putAddress(address);
      return this;
    }

    /** EINTR is retried; the result, not negative. */
    int run() {
      while (true) {
        int result = Invoker.getInstance().invokeInt(function, arguments);
        if (result >= 0) {
          return result;
        }
        int errno = LastError.getInstance().get();
        if (errno != Errno.EINTR) {
          throw new LinuxException(name, errno);
        }
      }
    }
  }
}
