package dev.oxbow.splicer.load;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.testing.Await;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Random;

/** Many pairs of talkers at the far ends of as many relays, all driven by one thread. */
public final class Conversation {
  private final NativeMemory chunk = Talker.chunk();
  private final List<Talker> talkers = new ArrayList<>();
  private final Random random;

  public Conversation(Random random) {
    this.random = random;
  }

  /** Two ends that will send so many bytes each. */
  public void add(Descriptor a, Descriptor b, long aToB, long bToA) {
    long seedA = random.nextInt();
    long seedB = random.nextInt();
    talkers.add(new Talker(a.fd(), chunk, random, seedA, aToB, seedB, bToA));
    talkers.add(new Talker(b.fd(), chunk, random, seedB, bToA, seedA, aToB));
  }

  /** Talks until all have received all. */
  public void run() {
    List<Talker> busy = new ArrayList<>(talkers);
    while (!busy.isEmpty()) {
      if (!stepAll(busy)) {
        Await.until(busy.size() + " talkers can go on", () -> stepAll(busy));
      }
      busy.removeIf(Talker::done);
    }
  }

  /** Gives each a turn; whether any did something. */
  public static boolean stepAll(Collection<Talker> talkers) {
    boolean any = false;
    for (Talker talker : talkers) {
      any |= talker.step();
    }
    return any;
  }
}
