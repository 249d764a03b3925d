package dev.oxbow.service.mailbox;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.service.quota.Account;
import java.util.ArrayList;
import java.util.List;

/** A recipient that notes what it was given. */
final class Postbag implements Recipient {
  private final boolean acks;
  private final boolean owns;
  private final List<String> came = new ArrayList<>();
  private final List<Descriptor> descriptors = new ArrayList<>();

  /** How many it takes before it leaves the next one. */
  int room = Integer.MAX_VALUE;

  /** An event with one descriptor. */
  record Letter(String name, List<Descriptor> descriptors) implements Event {

    static Letter of(String name) {
      return new Letter(name, List.of(Memfd.open(name, 1)));
    }

    @Override
    public void write(MessageWriter out) {}

    @Override
    public List<String> names() {
      return List.of("memfd");
    }

    @Override
    public Account.Manner whenDropped() {
      return Account.Manner.PLAIN;
    }
  }

  Postbag(boolean acks, boolean owns) {
    this.acks = acks;
    this.owns = owns;
  }

  static Postbag acknowledging() {
    return new Postbag(true, false);
  }

  static Postbag forgetful() {
    return new Postbag(false, false);
  }

  /** Names and numbers of what came since the last call, such as {@code x1 y2}. */
  String came() {
    String all = String.join(" ", came);
    came.clear();
    return all;
  }

  List<Descriptor> descriptors() {
    return descriptors;
  }

  @Override
  public boolean acks() {
    return acks;
  }

  @Override
  public boolean owns() {
    return owns;
  }

  @Override
  public boolean deliver(Event event, long seq) {
    if (room == 0) {
      return false;
    }
    room--;
    came.add(event.name() + seq);
    descriptors.addAll(event.descriptors());
    return true;
  }
}
