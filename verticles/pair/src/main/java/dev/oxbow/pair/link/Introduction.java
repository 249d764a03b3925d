package dev.oxbow.pair.link;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/**
 * What a node says of itself.
 *
 * @param name of the node
 * @param program its version, for people
 * @param first whether even blocks are its own
 * @param grants addresses with ports, sorted, as text
 * @param flows connections that there is room for
 * @param sessions sessions that there is room for
 */
public record Introduction(
    String name, String program, boolean first, String grants, int flows, int sessions) {
  private static final int SHOWN = 200;

  byte[] bytes() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeUTF(name);
      out.writeUTF(program);
      out.writeBoolean(first);
      out.writeUTF(grants);
      out.writeInt(flows);
      out.writeInt(sessions);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /**
   * Reads one.
   *
   * @throws IllegalArgumentException when it is none
   */
  static Introduction of(byte[] bytes) {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
      return new Introduction(
          in.readUTF(), in.readUTF(), in.readBoolean(), in.readUTF(), in.readInt(), in.readInt());
    } catch (IOException e) {
      throw new IllegalArgumentException("an introduction that is cut off", e);
    }
  }

  /** Why another node cannot be the partner of this one, in words; null when it can. */
  @Nullable String against(Introduction other) {
    if (other.first == first) {
      String home = first ? "first" : "second";
      return String.format(
          "%s says home: %s, as this node does: one is first, the other second", other.name, home);
    }
    if (!other.grants.equals(grants)) {
      return String.format(
          "%s is granted %s in fish.egress, this node %s: both need the same",
          other.name, shortened(other.grants), shortened(grants));
    }
    if (other.flows != flows) {
      return differs(other, "maxFlows", other.flows, flows);
    }
    return other.sessions == sessions
        ? null
        : differs(other, "maxSessions", other.sessions, sessions);
  }

  private static String differs(Introduction other, String key, int theirs, int own) {
    return String.format(
        "%s has fish.%s %d, this node %d: both need the same", other.name, key, theirs, own);
  }

  private static String shortened(String text) {
    return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "...";
  }
}
