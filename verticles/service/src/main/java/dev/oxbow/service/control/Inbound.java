package dev.oxbow.service.control;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import java.util.List;

/**
 * From packets to messages: the names of descriptors against those attached, and the large message
 * in a memfd. Any thread; never blocks but for reading a memfd.
 */
public final class Inbound {

  /** Bytes of a message in a memfd at most. */
  public static final int MAX_BODY_BYTES = 16 << 20;

  static final String BODY = "body";
  private static final String FDS = "fds";

  private Inbound() {}

  /** Whether a message only announces another one in a memfd. */
  public static boolean announcesBody(Message message) {
    List<String> names = message.strings(FDS);
    return !names.isEmpty() && names.get(0).equals(BODY);
  }

  /**
   * The names of the attached descriptors, in order.
   *
   * @throws RequestException {@code bad-descriptors} unless there is one name for each, and no name
   *     twice
   */
  public static List<String> names(Message message, int attached) {
    List<String> names = message.strings(FDS);
    if (names.size() != attached) {
      String which =
          names.size() > attached ? names.get(attached) + ": missing" : "fds: one has no name";
      throw new RequestException(
          ErrorCode.BAD_DESCRIPTORS,
          which + "; " + names.size() + " named and " + attached + " attached");
    }
    for (int i = 0; i < names.size(); i++) {
      if (names.indexOf(names.get(i)) != i) {
        throw RequestException.badDescriptor(names.get(i), "named twice");
      }
    }
    return names;
  }

  /**
   * Reads the message that a memfd holds. A file on tmpfs will do: nothing is made of its seals.
   *
   * @param outer what announced it; its names were checked
   * @throws RequestException {@code bad-descriptors} when it is no shared memory or the names
   *     differ, {@code bad-request} when it is too long or no message
   */
  public static Message readBody(Message outer, Descriptor body) {
    if (!Memfd.isSharedMemory(body.fd())) {
      throw RequestException.badDescriptor(BODY, "neither a memfd nor a file on tmpfs");
    }
    byte[] bytes = Memfd.read(body.fd(), MAX_BODY_BYTES);
    if (bytes == null) {
      throw RequestException.badField(BODY, "longer than " + MAX_BODY_BYTES + " bytes");
    }
    Message inner = Message.parse(bytes);
    List<String> named = outer.strings(FDS);
    if (!inner.strings(FDS).equals(named.subList(1, named.size()))) {
      throw RequestException.badDescriptor(
          FDS, "the message in body names " + inner.strings(FDS) + ", its packet " + named);
    }
    return inner;
  }
}
