package dev.oxbow.service.control;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.PacketChannel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A message on its way out: in a packet, or in a memfd when it is too large for one. It owns the
 * memfd but not the descriptors that go with the message.
 */
public final class Outbound implements AutoCloseable {
  private final byte[] json;
  private final byte[] bytes;
  private final List<Descriptor> descriptors;
  private final @Nullable Descriptor body;

  private Outbound(
      byte[] json, byte[] bytes, List<Descriptor> descriptors, @Nullable Descriptor body) {
    this.json = json;
    this.bytes = bytes;
    this.descriptors = descriptors;
    this.body = body;
  }

  /**
   * Prepares a message.
   *
   * @param json the message, naming its descriptors in {@code fds}
   * @param names the same names
   * @param descriptors they stay the caller's, and open until this has been sent
   */
  public static Outbound of(byte[] json, List<String> names, List<Descriptor> descriptors) {
    if (json.length <= PacketBuffer.MAX_BYTES) {
      return new Outbound(json, json, descriptors, null);
    }
    Descriptor body = Memfd.of("oxbow-message", json);
    List<String> allNames = new ArrayList<>(List.of(Inbound.BODY));
    allNames.addAll(names);
    List<Descriptor> all = new ArrayList<>(List.of(body));
    all.addAll(descriptors);
    byte[] outer = new MessageWriter().strings("fds", allNames).bytes();
    return new Outbound(json, outer, all, body);
  }

  /** The message itself, wherever it is. */
  byte[] json() {
    return json;
  }

  /** Whether it is in a memfd. */
  boolean large() {
    return body != null;
  }

  /** Bytes of the packet. */
  int packetBytes() {
    return bytes.length;
  }

  /** Descriptors that go with the packet. */
  int attached() {
    return descriptors.size();
  }

  /** Sends it; false when the peer takes nothing for now. */
  public boolean send(PacketChannel channel) {
    return channel.send(bytes, descriptors);
  }

  @Override
  public void close() {
    if (body != null) {
      body.close();
    }
  }
}
