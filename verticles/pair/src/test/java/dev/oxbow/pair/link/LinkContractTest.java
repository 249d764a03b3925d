package dev.oxbow.pair.link;

import dev.oxbow.fish.partner.PartnerLinkContract;

/** The link keeps what links promise. */
class LinkContractTest extends PartnerLinkContract {

  @Override
  protected Pair open() {
    TestWires wires = new TestWires();
    return TestWires.pair(wires::open, wires::open, wires::cut);
  }
}
