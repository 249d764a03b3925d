package dev.oxbow.config;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Who may use the control sockets. Every setter throws {@link IllegalArgumentException} when the
 * value is not right. Not thread-safe: fill it, then deploy with it.
 */
public final class ControlOptions {

  /** {@code rwxr-x---}. */
  public static final int DEFAULT_DIRECTORY_MODE = 0750;

  /** {@code rw-rw----}. */
  public static final int DEFAULT_SOCKET_MODE = 0660;

  /** Nobody besides root and the service's own uid. */
  public static final Set<Long> DEFAULT_ALLOWED_UIDS = Set.of();

  /** No group. */
  public static final Set<Long> DEFAULT_ALLOWED_GIDS = Set.of();

  private static final Pattern GROUP = Pattern.compile("[0-9]{1,10}|[A-Za-z_][A-Za-z0-9_.-]{0,31}");

  private int directoryMode = DEFAULT_DIRECTORY_MODE;
  private int socketMode = DEFAULT_SOCKET_MODE;
  private @Nullable String socketGroup;
  private Set<Long> allowedUids = DEFAULT_ALLOWED_UIDS;
  private Set<Long> allowedGids = DEFAULT_ALLOWED_GIDS;

  /** All defaults. */
  public ControlOptions() {}

  /** A copy that shares nothing with the original. */
  public ControlOptions(ControlOptions other) {
    this.directoryMode = other.directoryMode;
    this.socketMode = other.socketMode;
    this.socketGroup = other.socketGroup;
    this.allowedUids = other.allowedUids;
    this.allowedGids = other.allowedGids;
  }

  /** From the keys of the section {@code control}; what is not there keeps its default. */
  public ControlOptions(JsonObject json) {
    setDirectoryMode(mode(json, "directoryMode", DEFAULT_DIRECTORY_MODE));
    setSocketMode(mode(json, "socketMode", DEFAULT_SOCKET_MODE));
    setSocketGroup(json.getString("socketGroup"));
    setAllowedUids(ids(json.getJsonArray("allowedUids", new JsonArray())));
    setAllowedGids(ids(json.getJsonArray("allowedGids", new JsonArray())));
  }

  private static int mode(JsonObject json, String key, int defaultMode) {
    String text = json.getString(key);
    return text == null ? defaultMode : Integer.parseInt(text, 8);
  }

  private static List<Long> ids(JsonArray json) {
    return json.stream().map(id -> ((Number) id).longValue()).toList();
  }

  /** Mode of runtimeDir when it is made; one that exists is left as it is. */
  public int getDirectoryMode() {
    return directoryMode;
  }

  /** Mode of runtimeDir when it is made, 0700 to 0777 (octal). */
  public ControlOptions setDirectoryMode(int directoryMode) {
    this.directoryMode = checkMode("directoryMode", directoryMode, 0700);
    return this;
  }

  /** Mode of each control socket. */
  public int getSocketMode() {
    return socketMode;
  }

  /** Mode of each control socket, 0600 to 0777 (octal); connecting needs w (unix(7)). */
  public ControlOptions setSocketMode(int socketMode) {
    this.socketMode = checkMode("socketMode", socketMode, 0600);
    return this;
  }

  /** Name or gid of the group that owns the control sockets; null = that of the process. */
  public @Nullable String getSocketGroup() {
    return socketGroup;
  }

  /**
   * Name or gid of the group that owns runtimeDir, when it is made, and the control sockets. That
   * the group exists is not checked here. Null = the group of the process.
   */
  public ControlOptions setSocketGroup(@Nullable String socketGroup) {
    this.socketGroup =
        socketGroup == null
            ? null
            : Bounds.check("socketGroup", socketGroup, GROUP, "the name of a group or a gid");
    return this;
  }

  /** Uids that may use the services besides root and the service's own; unmodifiable, sorted. */
  public Set<Long> getAllowedUids() {
    return allowedUids;
  }

  /** Uids that may use the services besides root and the service's own, each 0 to 2^32-2. */
  public ControlOptions setAllowedUids(Collection<Long> uids) {
    this.allowedUids = checkIds("allowedUids", uids);
    return this;
  }

  /** Gids that may use the services; unmodifiable, sorted. */
  public Set<Long> getAllowedGids() {
    return allowedGids;
  }

  /** Gids that may use the services, each 0 to 2^32-2. */
  public ControlOptions setAllowedGids(Collection<Long> gids) {
    this.allowedGids = checkIds("allowedGids", gids);
    return this;
  }

  private static int checkMode(String name, int mode, int least) {
    if (mode < least || mode > 0777) {
      throw new IllegalArgumentException(
          "%s: %s is not right: expected an octal mode from %s to 0777"
              .formatted(name, octal(mode), octal(least)));
    }
    return mode;
  }

  private static Set<Long> checkIds(String name, Collection<Long> ids) {
    var sorted = new TreeSet<Long>();
    for (long id : ids) {
      sorted.add(Bounds.check(name, id, 0, Bounds.MAX_ID));
    }
    return Collections.unmodifiableSet(sorted);
  }

  private static String octal(int mode) {
    return String.format(Locale.ROOT, "%04o", mode);
  }

  /** The section {@code control} with every key that has a value. */
  public JsonObject toJson() {
    var json =
        new JsonObject()
            .put("directoryMode", octal(directoryMode))
            .put("socketMode", octal(socketMode))
            .put("allowedUids", new JsonArray(List.copyOf(allowedUids)))
            .put("allowedGids", new JsonArray(List.copyOf(allowedGids)));
    return socketGroup == null ? json : json.put("socketGroup", socketGroup);
  }

  @Override
  public String toString() {
    return toJson().encode();
  }
}
