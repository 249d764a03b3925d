package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.ChildJvm;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.splicer.load.Conversation;
import dev.oxbow.splicer.load.Wire;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A process that has no descriptor left for pipes relays all the same. */
@DescriptorLeaks
class WithoutPipesTest {

  @Test
  void relaysWithoutAnyPipe() throws Exception {
    assertThat(ChildJvm.run(List.of("prlimit", "--nofile=400:400"), Main.class))
        .contains("relayed 20 with 0 pipes");
  }

  /** The child. */
  static final class Main {
    private Main() {}

    public static void main(String[] arguments) {
      try {
        run();
        System.exit(0);
      } catch (RuntimeException | AssertionError e) {
        System.out.println("failed: " + e);
        System.exit(1);
      }
    }

    private static void run() {
      List<Wire> wires = new ArrayList<>();
      List<Descriptor> hoard = new ArrayList<>();
      Random random = new Random(5);
      Wire.Pairing[] pairings = Wire.Pairing.values();
      for (int i = 0; i < 20; i++) {
        wires.add(pairings[i % pairings.length].open());
      }
      try (PlaneStage stage = new PlaneStage();
          Wire slow = Wire.tcp()) {
        Conversation conversation = new Conversation(random);
        for (Wire wire : wires) {
          conversation.add(wire.pairA().far(), wire.pairB().far(), random.nextInt(400_000), 5_000);
        }
        hoard(hoard, wires.get(0).a());
        List<PlaneStage.Running> relays = new ArrayList<>();
        for (int i = 0; i < wires.size(); i++) {
          relays.add(stage.relay(wires.get(i), i % 3 == 0));
        }
        conversation.run();
        for (PlaneStage.Running relay : relays) {
          if (relay.outcome().reason() != EndReason.EOF) {
            throw new AssertionError(relay.outcome().toString());
          }
        }
        relayToAPeerThatReadsLate(stage, slow);
        System.out.printf("relayed %d with %d pipes%n", relays.size(), stage.counters().pipes());
      } finally {
        Descriptor.closeAll(hoard);
        wires.forEach(Wire::close);
      }
    }

    /** What the destination took in part waits in the source, and must not be forgotten there. */
    private static void relayToAPeerThatReadsLate(PlaneStage stage, Wire wire) {
      PlaneStage.Running relay = stage.relay(wire, false);
      long[] written = new long[1];
      int[] inVain = new int[1];
      Await.until(
          "all is full",
          () -> {
            long n = wire.peerA().fill();
            written[0] += n;
            inVain[0] = n == 0 ? inVain[0] + 1 : 0;
            return inVain[0] > 100;
          });
      wire.peerB().read((int) written[0]);
      stage.abort(relay);
    }

    /** Takes all numbers but those that are never taken for pipes. */
    private static void hoard(List<Descriptor> hoard, Descriptor any) {
      do {
        hoard.add(any.duplicate());
      } while (hoard.get(hoard.size() - 1).fd() < 300);
    }
  }
}
