package dev.oxbow.handoff.upgrade;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.handoff.cargo.Transferable.Layout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What a process says of itself before anything is touched.
 *
 * @param protocol version of the messages of an upgrade
 * @param oldestProtocol that it understands
 * @param version of the program
 * @param pid its number
 * @param services the layouts of their state
 * @param descriptorsFree how many more it can take
 */
record Terms(
    int protocol,
    int oldestProtocol,
    String version,
    long pid,
    Map<String, Layout> services,
    long descriptorsFree) {

  /** The newest version of the messages that this program speaks, and the oldest. */
  static final int PROTOCOL = 1;

  /** Descriptors that a successor needs besides what it is handed. */
  private static final int MARGIN = 256;

  static Terms own(String version, Map<String, Layout> services, long descriptorsFree) {
    return new Terms(
        PROTOCOL, PROTOCOL, version, ProcessHandle.current().pid(), services, descriptorsFree);
  }

  MessageWriter write(MessageWriter out) {
    out.number("protocol", protocol)
        .number("oldestProtocol", oldestProtocol)
        .string("version", version)
        .number("pid", pid)
        .number("descriptorsFree", descriptorsFree)
        .object("services");
    services.forEach(
        (name, layout) ->
            out.object(name)
                .number("version", layout.version())
                .number("oldest", layout.oldest())
                .end());
    return out.end();
  }

  /**
   * Reads what another process says.
   *
   * @throws RequestException naming the member that is missing or wrong
   */
  static Terms read(Message message) {
    Map<String, Layout> services = new LinkedHashMap<>();
    Message named = message.object("services");
    if (named == null) {
      throw RequestException.badField("services", "missing; expected an object");
    }
    for (String name : named.names()) {
      Message layout = named.object(name);
      if (layout != null) {
        services.put(
            name,
            new Layout(
                (int) layout.integer("version", 1, Integer.MAX_VALUE),
                (int) layout.integer("oldest", 1, Integer.MAX_VALUE)));
      }
    }
    return new Terms(
        (int) message.integer("protocol", 1, Integer.MAX_VALUE),
        (int) message.integer("oldestProtocol", 1, Integer.MAX_VALUE),
        message.string("version"),
        message.integer("pid", 1, Integer.MAX_VALUE),
        services,
        message.integer("descriptorsFree", 0, Long.MAX_VALUE));
  }

  /**
   * Why a successor cannot take over from this process, or null.
   *
   * @param descriptors that it would be handed
   */
  @Nullable String objection(Terms successor, long descriptors) {
    if (successor.protocol < oldestProtocol || protocol < successor.oldestProtocol) {
      return String.format(
          "version %s speaks hand-over protocol %d to %d, version %s speaks %d to %d",
          successor.version,
          successor.oldestProtocol,
          successor.protocol,
          version,
          oldestProtocol,
          protocol);
    }
    if (!successor.services.keySet().equals(services.keySet())) {
      return "the configuration of the successor switches on "
          + new TreeSet<>(successor.services.keySet())
          + ", and "
          + new TreeSet<>(services.keySet())
          + " serve";
    }
    for (Map.Entry<String, Layout> service : services.entrySet()) {
      int ours = service.getValue().version();
      Layout theirs = successor.services.get(service.getKey());
      if (theirs == null || ours < theirs.oldest() || ours > theirs.version()) {
        return String.format(
            "the state of %s is in layout %d of version %s, and version %s reads %s",
            service.getKey(), ours, version, successor.version, range(theirs));
      }
    }
    long needed = descriptors + MARGIN;
    if (successor.descriptorsFree < needed) {
      return String.format(
          "the successor can take %d descriptors and needs %d; raise its RLIMIT_NOFILE",
          successor.descriptorsFree, needed);
    }
    return null;
  }

  private static String range(@Nullable Layout layout) {
    return layout == null ? "none" : layout.oldest() + " to " + layout.version();
  }
}
