package dev.oxbow.config;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The partner of a Fish, that has the same addresses and ports. Every setter throws {@link
 * IllegalArgumentException} when the value is out of its bounds. Not thread-safe: fill it, then
 * deploy with it.
 */
public final class PairOptions {

  /** Name of the cluster that both are in. */
  public static final String DEFAULT_CLUSTER = "oxbow";

  /** How long a block of ports is lent before that must be renewed, in milliseconds. */
  public static final int DEFAULT_LOAN_MS = 120_000;

  /** How long a block rests between the two, in milliseconds. */
  public static final int DEFAULT_QUARANTINE_MS = 100_000;

  /** How old a connection is when the partner is told of it, in milliseconds. */
  public static final int DEFAULT_AGE_MS = 1_000;

  /** How often the partner is told of what has changed, in milliseconds. */
  public static final int DEFAULT_FLUSH_MS = 75;

  /** After how long a silence the partner is held for lost, in milliseconds. */
  public static final int DEFAULT_LOST_MS = 5_000;

  /** The node of the blocks with even numbers. */
  public static final String FIRST = "first";

  private static final int MOST_PEERS = 4;
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");
  private static final Pattern HOME = Pattern.compile("first|second");
  private static final Pattern SECRET = Pattern.compile("[ -~]{8,1024}");
  private static final Pattern FILE = Pattern.compile("/[ -~]*");
  private static final Pattern ENDPOINT =
      Pattern.compile("(\\[[0-9a-fA-F:.]{2,45}\\]|[0-9.]{7,15}):([0-9]{1,5})");

  private final String name;
  private final String home;
  private final String listen;
  private final List<String> peers;
  private String cluster = DEFAULT_CLUSTER;
  private @Nullable String secret;
  private @Nullable String secretFile;
  private int loanMs = DEFAULT_LOAN_MS;
  private int quarantineMs = DEFAULT_QUARANTINE_MS;
  private int ageMs = DEFAULT_AGE_MS;
  private int flushMs = DEFAULT_FLUSH_MS;
  private int lostMs = DEFAULT_LOST_MS;

  /**
   * A partner, and else all defaults.
   *
   * @param name of this node: up to 64 letters, digits, dots, underscores and hyphens
   * @param home {@code first} or {@code second}: the partner is the other one
   * @param listen an address of this machine and a port, such as 10.9.0.1:5701
   * @param peers one to four addresses with ports at which the partner listens
   */
  public PairOptions(String name, String home, String listen, List<String> peers) {
    this.name = Bounds.check("name", name, NAME, "letters, digits and ._-, at most 64");
    this.home = Bounds.check("home", home, HOME, "first or second");
    this.listen = endpoint("listen", listen);
    this.peers = List.copyOf(peers);
    Bounds.check("number of peers", this.peers.size(), 1, MOST_PEERS);
    this.peers.forEach(peer -> endpoint("peers", peer));
  }

  /** From the keys of the section {@code fish.pair}; what is not there keeps its default. */
  public PairOptions(JsonObject json) {
    this(
        json.getString("name", ""),
        json.getString("home", ""),
        json.getString("listen", ""),
        json.getJsonArray("peers", new JsonArray()).stream().map(String::valueOf).toList());
    setCluster(json.getString("cluster", DEFAULT_CLUSTER));
    setSecret(json.getString("secret"));
    setSecretFile(json.getString("secretFile"));
    setLoanMs(Bounds.integer(json, "loanMs", DEFAULT_LOAN_MS));
    setQuarantineMs(Bounds.integer(json, "quarantineMs", DEFAULT_QUARANTINE_MS));
    setAgeMs(Bounds.integer(json, "ageMs", DEFAULT_AGE_MS));
    setFlushMs(Bounds.integer(json, "flushMs", DEFAULT_FLUSH_MS));
    setLostMs(Bounds.integer(json, "lostMs", DEFAULT_LOST_MS));
  }

  private static String endpoint(String key, String value) {
    Bounds.check(key, value, ENDPOINT, "an address and a port such as 10.9.0.1:5701");
    Bounds.check("port of " + key, port(value), 1, 0xffff);
    return value;
  }

  /** The address of an endpoint, without brackets. */
  public static String host(String endpoint) {
    return endpoint.substring(0, endpoint.lastIndexOf(':')).replace("[", "").replace("]", "");
  }

  /** The port of an endpoint. */
  public static int port(String endpoint) {
    return Integer.parseInt(endpoint.substring(endpoint.lastIndexOf(':') + 1));
  }

  /** Name of this node. */
  public String getName() {
    return name;
  }

  /** Which half of the blocks is this node's: {@code first} or {@code second}. */
  public String getHome() {
    return home;
  }

  /** Where this node listens. */
  public String getListen() {
    return listen;
  }

  /** Where the partner listens. */
  public List<String> getPeers() {
    return peers;
  }

  /** Name of the cluster that both are in. */
  public String getCluster() {
    return cluster;
  }

  /** Name of the cluster: up to 64 letters, digits, dots, underscores and hyphens. */
  public PairOptions setCluster(String cluster) {
    this.cluster = Bounds.check("cluster", cluster, NAME, "letters, digits and ._-, at most 64");
    return this;
  }

  /** What both know and nobody else; null for none. */
  public @Nullable String getSecret() {
    return secret;
  }

  /** What both know and nobody else: 8 to 1024 ASCII characters, or null for none. */
  public PairOptions setSecret(@Nullable String secret) {
    if (secret != null && !SECRET.matcher(secret).matches()) {
      throw new IllegalArgumentException("secret: expected 8 to 1024 ASCII characters");
    }
    this.secret = secret;
    return this;
  }

  /** A file whose first line is the secret; null for none. */
  public @Nullable String getSecretFile() {
    return secretFile;
  }

  /** The absolute path of a file whose first line is the secret; null for none. */
  public PairOptions setSecretFile(@Nullable String secretFile) {
    this.secretFile =
        secretFile == null
            ? null
            : Bounds.check("secretFile", secretFile, FILE, "an absolute path");
    return this;
  }

  /**
   * The secret, wherever it is; null when there is none. Blocks.
   *
   * @throws IllegalArgumentException when it is given twice, or its file has none
   */
  public @Nullable String readSecret() {
    if (secretFile == null) {
      return secret;
    }
    if (secret != null) {
      throw new IllegalArgumentException(
          "fish.pair: secret and secretFile are both given; one is enough");
    }
    try {
      String first = Files.readString(Path.of(secretFile)).lines().findFirst().orElse("");
      if (!SECRET.matcher(first).matches()) {
        throw new IllegalArgumentException(
            "fish.pair.secretFile: the first line of "
                + secretFile
                + " has not 8 to 1024 ASCII characters");
      }
      return first;
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "fish.pair.secretFile: " + secretFile + " cannot be read: " + e, e);
    }
  }

  /** What is to be said where {@link #readSecret} finds none. */
  public String noSecret() {
    return "fish.pair has no secret: whoever reaches " + listen + " can speak for the partner";
  }

  /** How long a block of ports is lent before that must be renewed, in milliseconds. */
  public int getLoanMs() {
    return loanMs;
  }

  /** Milliseconds, 2000 to a day; where nodes differ, the shorter holds. */
  public PairOptions setLoanMs(int loanMs) {
    this.loanMs = Bounds.check("loanMs", loanMs, 2_000, 86_400_000);
    return this;
  }

  /** How long a block rests between the two, in milliseconds. */
  public int getQuarantineMs() {
    return quarantineMs;
  }

  /** Milliseconds, 1000 to 109000: no longer than ports rest that are not lent. */
  public PairOptions setQuarantineMs(int quarantineMs) {
    this.quarantineMs = Bounds.check("quarantineMs", quarantineMs, 1_000, 109_000);
    return this;
  }

  /** How old a connection is when the partner is told of it, in milliseconds. */
  public int getAgeMs() {
    return ageMs;
  }

  /** Milliseconds, 0 to 60000: younger connections end with this node. */
  public PairOptions setAgeMs(int ageMs) {
    this.ageMs = Bounds.check("ageMs", ageMs, 0, 60_000);
    return this;
  }

  /** How often the partner is told of what has changed, in milliseconds. */
  public int getFlushMs() {
    return flushMs;
  }

  /** Milliseconds, 10 to 10000. */
  public PairOptions setFlushMs(int flushMs) {
    this.flushMs = Bounds.check("flushMs", flushMs, 10, 10_000);
    return this;
  }

  /** After how long a silence the partner is held for lost, in milliseconds. */
  public int getLostMs() {
    return lostMs;
  }

  /** Milliseconds, 3000 to 600000. */
  public PairOptions setLostMs(int lostMs) {
    this.lostMs = Bounds.check("lostMs", lostMs, 3_000, 600_000);
    return this;
  }

  /** The section {@code fish.pair} with every key that has a value, the secret included. */
  public JsonObject toJson() {
    JsonObject json =
        new JsonObject()
            .put("name", name)
            .put("home", home)
            .put("listen", listen)
            .put("peers", new JsonArray(peers))
            .put("cluster", cluster)
            .put("loanMs", loanMs)
            .put("quarantineMs", quarantineMs)
            .put("ageMs", ageMs)
            .put("flushMs", flushMs)
            .put("lostMs", lostMs);
    if (secretFile != null) {
      json.put("secretFile", secretFile);
    }
    return secret == null ? json : json.put("secret", secret);
  }

  /** Takes the secret out of a section {@code fish}, for whoever prints it. */
  static JsonObject withoutSecret(JsonObject fish) {
    JsonObject pair = fish.getJsonObject("pair");
    if (pair != null && pair.containsKey("secret")) {
      pair.put("secret", "(not shown)");
    }
    return fish;
  }

  @Override
  public String toString() {
    return withoutSecret(new JsonObject().put("pair", toJson())).getJsonObject("pair").encode();
  }
}
