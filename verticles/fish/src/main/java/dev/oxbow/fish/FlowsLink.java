package dev.oxbow.fish;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fish.partner.PartnerLink;
import dev.oxbow.fish.replica.FlowExport;
import dev.oxbow.fish.session.Partnership;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * Brings what two nodes tell one another of their connections from the loop that carries packets to
 * the link, and back. What the link has no room for now waits, and nothing more is told until it
 * has gone: that is a turn's messages at most. Loop thread only, but for what the link calls.
 */
final class FlowsLink implements FlowExport.Outlet, PartnerLink.Listener {
  private final DescriptorLoop loop;
  private final Partnership partnership;
  private final PartnerLink link;
  private final Queue<byte[]> waiting = new ArrayDeque<>();

  FlowsLink(DescriptorLoop loop, Partnership partnership, PartnerLink link) {
    this.loop = loop;
    this.partnership = partnership;
    this.link = link;
  }

  @Override
  public boolean isReady() {
    while (!waiting.isEmpty() && link.send(PartnerLink.Kind.FLOWS, waiting.element())) {
      waiting.remove();
    }
    return waiting.isEmpty() && link.isUp();
  }

  @Override
  public void send(byte[] message) {
    if (!waiting.isEmpty() || !link.send(PartnerLink.Kind.FLOWS, message)) {
      waiting.add(message);
    }
  }

  @Override
  public void up() {
    loop.tryExecute(
        () -> {
          waiting.clear();
          partnership.linked(this);
        });
  }

  @Override
  public void down() {
    loop.tryExecute(
        () -> {
          waiting.clear();
          partnership.unlinked();
        });
  }

  @Override
  public void gone() {
    loop.tryExecute(partnership::gone);
  }

  @Override
  public void received(byte[] bytes) {
    loop.tryExecute(() -> partnership.received(bytes));
  }
}
