package dev.oxbow.fdpassing.descriptor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class PipeTest {
  private final NativeMemory memory = NativeMemory.allocate(100);

  @Test
  void bothEndsNeverBlockAndCloseOnExec() {
    final int getDescriptorFlags = 1;
    Pipe pipe = Pipe.open(0);
    for (Descriptor end : new Descriptor[] {pipe.readEnd(), pipe.writeEnd()}) {
      int flags = Syscalls.fcntl(end.fd(), Syscalls.F_GETFL, 0);
      assertThat(flags & Syscalls.O_NONBLOCK).isNotZero();
      assertThat(Syscalls.fcntl(end.fd(), getDescriptorFlags, 0)).isEqualTo(1);
    }
    pipe.close();
    pipe.close();
  }

  @Test
  void growsAsFarAsTheKernelAllowsAndNeverFails() {
    Pipe pipe = Pipe.open(0);
    assertThat(pipe.capacity()).isPositive();
    Pipe larger = pipe.grow(256 * 1024);
    assertThat(larger.capacity()).isGreaterThanOrEqualTo(pipe.capacity());
    assertThat(larger.grow(1)).isSameAs(larger);
    assertThat(larger.grow(Integer.MAX_VALUE).capacity()).isGreaterThanOrEqualTo(larger.capacity());
    assertThat(larger.readEnd()).isSameAs(pipe.readEnd());
    larger.close();
  }

  @Test
  void shrinksUnlessItHoldsMore() {
    Pipe pipe = Pipe.open(128 * 1024);
    NativeMemory large = NativeMemory.allocate(64 * 1024);
    Syscalls.write(pipe.writeEnd().fd(), large.address(), large.size());
    assertThat(pipe.shrink(8192)).isSameAs(pipe);
    assertThat(Syscalls.read(pipe.readEnd().fd(), large.address(), large.size()))
        .isEqualTo(large.size());
    Pipe smaller = pipe.shrink(8192);
    assertThat(smaller.capacity()).isEqualTo(8192);
    assertThat(smaller.shrink(8192)).isSameAs(smaller);
    smaller.close();
  }

  @Test
  void adoptedPipeKeepsItsContentAndCapacity() {
    Pipe pipe = Pipe.open(128 * 1024);
    Syscalls.write(pipe.writeEnd().fd(), memory.address(), 100);
    Pipe adopted =
        Pipe.adopt(
            Descriptor.adopt(pipe.readEnd().release()),
            Descriptor.adopt(pipe.writeEnd().release()));
    assertThat(adopted.capacity()).isEqualTo(pipe.capacity());
    assertThat(Syscalls.bytesWaiting(adopted.readEnd().fd())).isEqualTo(100);
    pipe.close();
    assertThat(Syscalls.read(adopted.readEnd().fd(), memory.address(), 100)).isEqualTo(100);
    adopted.close();
  }
}
