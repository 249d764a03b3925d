package dev.oxbow.config;

import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Everything that a configuration file says. Setters throw {@link IllegalArgumentException} when
 * the value is not right. Not thread-safe: fill it, then start with it.
 */
public final class OxbowOptions {

  /**
   * Bound of the length of runtimeDir, in characters, all ASCII: {@code sun_path} has 108 bytes
   * (unix(7)), and the longest socket name, a slash and the NUL go there too.
   */
  public static final int MAX_RUNTIME_DIR_LENGTH = 90;

  private static final Pattern RUNTIME_DIR =
      Pattern.compile("(?=.{1," + MAX_RUNTIME_DIR_LENGTH + "}$)/[ -~]*");

  private Path runtimeDir;
  private ControlOptions control = new ControlOptions();
  private QuotaOptions quotas = new QuotaOptions();
  private HandoffOptions handoff = new HandoffOptions();
  private @Nullable SplicerOptions splicer;
  private @Nullable BumblebeeOptions bumblebee;
  private @Nullable FishOptions fish;

  /** Defaults, no service on. */
  public OxbowOptions(Path runtimeDir) {
    this.runtimeDir = checkRuntimeDir(runtimeDir);
  }

  /** A copy that shares nothing with the original. */
  public OxbowOptions(OxbowOptions other) {
    this.runtimeDir = other.runtimeDir;
    this.control = new ControlOptions(other.control);
    this.quotas = new QuotaOptions(other.quotas);
    this.handoff = new HandoffOptions(other.handoff);
    this.splicer = other.splicer == null ? null : new SplicerOptions(other.splicer);
    this.bumblebee = other.bumblebee == null ? null : new BumblebeeOptions(other.bumblebee);
    this.fish = other.fish == null ? null : new FishOptions(other.fish);
  }

  /**
   * From the keys of a configuration file. A section may be null: that of a service is then on with
   * its defaults. Unknown keys are not noticed here; {@link OxbowConfig} refuses them.
   */
  public OxbowOptions(JsonObject json) {
    String dir = json.getString("runtimeDir");
    if (dir == null) {
      throw new IllegalArgumentException("runtimeDir: missing");
    }
    this.runtimeDir = checkRuntimeDir(Path.of(dir));
    this.control = new ControlOptions(section(json, "control"));
    this.quotas = new QuotaOptions(section(json, "quotas"));
    this.handoff = new HandoffOptions(section(json, "handoff"));
    this.splicer =
        json.containsKey("splicer") ? new SplicerOptions(section(json, "splicer")) : null;
    this.bumblebee =
        json.containsKey("bumblebee") ? new BumblebeeOptions(section(json, "bumblebee")) : null;
    this.fish = json.containsKey("fish") ? new FishOptions(section(json, "fish")) : null;
  }

  private static JsonObject section(JsonObject json, String key) {
    JsonObject section = json.getJsonObject(key);
    return section == null ? new JsonObject() : section;
  }

  private static Path checkRuntimeDir(Path dir) {
    Bounds.check(
        "runtimeDir",
        dir.toString(),
        RUNTIME_DIR,
        "an absolute path, at most " + MAX_RUNTIME_DIR_LENGTH + " ASCII characters");
    return dir;
  }

  /** Where the control sockets, the pid file and the lock are; absolute. */
  public Path getRuntimeDir() {
    return runtimeDir;
  }

  /** Where the control sockets, the pid file and the lock are; absolute, 90 characters at most. */
  public OxbowOptions setRuntimeDir(Path runtimeDir) {
    this.runtimeDir = checkRuntimeDir(runtimeDir);
    return this;
  }

  /** Who may use the control sockets; live, not a copy. */
  public ControlOptions getControl() {
    return control;
  }

  /** Who may use the control sockets; kept, not copied. */
  public OxbowOptions setControl(ControlOptions control) {
    this.control = control;
    return this;
  }

  /** What one uid may hold at once; live, not a copy. */
  public QuotaOptions getQuotas() {
    return quotas;
  }

  /** What one uid may hold at once; kept, not copied. */
  public OxbowOptions setQuotas(QuotaOptions quotas) {
    this.quotas = quotas;
    return this;
  }

  /** How an upgrade in place goes; live, not a copy. */
  public HandoffOptions getHandoff() {
    return handoff;
  }

  /** How an upgrade in place goes; kept, not copied. */
  public OxbowOptions setHandoff(HandoffOptions handoff) {
    this.handoff = handoff;
    return this;
  }

  /** Options of Splicer; null = the service is off. */
  public @Nullable SplicerOptions getSplicer() {
    return splicer;
  }

  /** Options of Splicer; null = the service is off. Kept, not copied. */
  public OxbowOptions setSplicer(@Nullable SplicerOptions splicer) {
    this.splicer = splicer;
    return this;
  }

  /** Options of Bumblebee; null = the service is off. */
  public @Nullable BumblebeeOptions getBumblebee() {
    return bumblebee;
  }

  /** Options of Bumblebee; null = the service is off. Kept, not copied. */
  public OxbowOptions setBumblebee(@Nullable BumblebeeOptions bumblebee) {
    this.bumblebee = bumblebee;
    return this;
  }

  /** Options of Fish; null = the service is off. */
  public @Nullable FishOptions getFish() {
    return fish;
  }

  /** Options of Fish; null = the service is off. Kept, not copied. */
  public OxbowOptions setFish(@Nullable FishOptions fish) {
    this.fish = fish;
    return this;
  }

  /** Event loops that the services which are on want altogether; 0 = one per processor. */
  public int eventLoops() {
    int most = 0;
    for (int loops : new int[] {splicerLoops(), bumblebeeLoops(), fish == null ? -1 : 1}) {
      if (loops == 0) {
        return 0;
      }
      most = Math.max(most, loops);
    }
    return Math.max(0, most);
  }

  private int splicerLoops() {
    return splicer == null ? -1 : splicer.getLoops();
  }

  private int bumblebeeLoops() {
    return bumblebee == null ? -1 : bumblebee.getLoops();
  }

  /** The configuration with every key that has a value. */
  public JsonObject toJson() {
    var json =
        new JsonObject()
            .put("runtimeDir", runtimeDir.toString())
            .put("control", control.toJson())
            .put("quotas", quotas.toJson())
            .put("handoff", handoff.toJson());
    if (splicer != null) {
      json.put("splicer", splicer.toJson());
    }
    if (bumblebee != null) {
      json.put("bumblebee", bumblebee.toJson());
    }
    return fish == null ? json : json.put("fish", fish.toJson());
  }

  @Override
  public String toString() {
    JsonObject json = toJson();
    if (fish != null) {
      PairOptions.withoutSecret(json.getJsonObject("fish"));
    }
    return json.encode();
  }
}
