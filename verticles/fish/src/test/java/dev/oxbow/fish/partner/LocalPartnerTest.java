package dev.oxbow.fish.partner;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;

/** The double of a partner is as good as a real one. */
class LocalPartnerTest extends PartnerContract {

  @Override
  protected Partner[] open(DescriptorLoop loop, SharedPorts one, SharedPorts other) {
    return LocalPartner.pair(one, other);
  }
}
