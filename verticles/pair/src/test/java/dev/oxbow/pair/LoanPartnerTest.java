package dev.oxbow.pair;

import dev.oxbow.config.PairOptions;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fish.partner.Partner;
import dev.oxbow.fish.partner.PartnerContract;
import dev.oxbow.fish.partner.SharedPorts;
import dev.oxbow.pair.link.Link;
import dev.oxbow.pair.link.TestWires;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;

/** The protocol of loans is a partner as Fish wants it. */
class LoanPartnerTest extends PartnerContract {
  @TempDir Path folder;

  private final TestWires wires = new TestWires();

  @Override
  protected Partner[] open(DescriptorLoop loop, SharedPorts one, SharedPorts other) {
    return new Partner[] {node(loop, one, true), node(loop, other, false)};
  }

  private Partner node(DescriptorLoop loop, SharedPorts ports, boolean first) {
    PairOptions options =
        new PairOptions(
                first ? "edge-1" : "edge-2",
                first ? "first" : "second",
                "127.0.0.1:1",
                List.of("127.0.0.1:2"))
            .setLoanMs(2_000)
            .setQuarantineMs(1_000);
    return new LoanPartner(
        options,
        ports,
        loop,
        LoanMemory.open(folder.resolve(options.getName()), ports.count()),
        new Link(wires::open, TestWires.node(first), "a common secret", new Random()));
  }
}
