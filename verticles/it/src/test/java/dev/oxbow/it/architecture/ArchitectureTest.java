package dev.oxbow.it.architecture;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import io.vertx.core.Vertx;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.stream.Collectors;

/** Who may know whom, over all classes that go into the jar. */
@DescriptorLeaks
@AnalyzeClasses(packages = "dev.oxbow", importOptions = ArchitectureTest.WithoutTests.class)
class ArchitectureTest {
  private static final String ROOT = "dev.oxbow.";

  /** Root package of each module -> its level; a module may use those of lower levels only. */
  private static final Map<String, Integer> LEVELS =
      Map.of(
          "codecs", 0,
          "fdpassing", 0,
          "config", 0,
          "handoff", 1,
          "service", 2,
          "splicer", 3,
          "bumblebee", 3,
          "fish", 3,
          "pair", 4,
          "app", 5);

  /** Rules over an empty module would hold whatever it is to have. */
  @ArchTest
  static void everyModuleIsLookedAt(JavaClasses all) {
    assertThat(all.stream().map(ArchitectureTest::module).collect(Collectors.toSet()))
        .containsExactlyInAnyOrderElementsOf(LEVELS.keySet());
  }

  @ArchTest
  static final ArchRule everyClassLivesInKnownModule =
      classes()
          .should(
              new ArchCondition<>("live in one of the modules " + LEVELS.keySet()) {
                @Override
                public void check(JavaClass type, ConditionEvents events) {
                  if (!LEVELS.containsKey(module(type))) {
                    events.add(SimpleConditionEvent.violated(type, type.getName()));
                  }
                }
              });

  @ArchTest
  static final ArchRule modulesDependOnlyDownwards =
      dependenciesNever(
          "cross modules other than downwards",
          (from, to) -> !module(from).equals(module(to)) && level(from) <= level(to));

  @ArchTest
  static final ArchRule packagesNeverImportTheirParents =
      dependenciesNever(
          "point from a package to one that contains it",
          (from, to) -> from.getPackageName().startsWith(to.getPackageName() + "."));

  @ArchTest
  static final ArchRule packagesHaveNoCycles =
      slices().matching("dev.oxbow.(**)").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule packagesAreNamedForWhatTheyHold =
      noClasses()
          .should()
          .resideInAnyPackage(
              "..impl..",
              "..util..",
              "..utils..",
              "..common..",
              "..helper..",
              "..helpers..",
              "..misc..");

  @ArchTest
  static final ArchRule systemCallsStayInLibc =
      onlyIn("dev.oxbow.fdpassing.libc", "jnr..", "com.kenai..");

  @ArchTest
  static final ArchRule internalsOfVertxStayInEventLoop =
      onlyIn("dev.oxbow.fdpassing.eventloop", "io.vertx.core.internal..", "io.vertx..impl..");

  /** Where bytes and packets move there is no event bus, no JSON, and nobody's control message. */
  @ArchTest
  static final ArchRule dataPlanesKnowNoControl =
      noClasses()
          .that()
          .resideInAnyPackage(
              "dev.oxbow.splicer.relay..",
              "dev.oxbow.bumblebee.tunnel..",
              "dev.oxbow.fish.session..")
          .should()
          .dependOnClassesThat(
              resideInAnyPackage(
                      "io.vertx.core.json..",
                      "io.vertx.core.eventbus..",
                      "dev.oxbow.codecs.control..")
                  .or(assignableTo(Vertx.class)));

  /** So that thousands of histories can be made up of it: no I/O, and no clock of its own. */
  @ArchTest
  static final ArchRule protocolOfLoansIsPure =
      classes()
          .that()
          .resideInAPackage("dev.oxbow.pair.loan")
          .should()
          .onlyDependOnClassesThat(
              resideInAnyPackage(
                      "dev.oxbow.pair.loan",
                      "java.lang..",
                      "java.nio",
                      "java.util..",
                      "org.jspecify..")
                  .and(not(belongToAnyOf(System.class, Thread.class, Process.class))));

  @ArchTest
  static final ArchRule hazelcastStaysInItsPackage =
      onlyIn("dev.oxbow.pair.hazelcast", "com.hazelcast..", "io.vertx.spi.cluster..");

  /** So that a Fish without a partner can leave the module out. */
  @ArchTest
  static final ArchRule nobodyKnowsThePair =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.oxbow.pair..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("dev.oxbow.pair..");

  private static ArchRule onlyIn(String home, String... libraries) {
    return noClasses()
        .that()
        .resideOutsideOfPackage(home)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(libraries);
  }

  private static ArchRule dependenciesNever(
      String description, BiPredicate<JavaClass, JavaClass> forbidden) {
    DescribedPredicate<JavaClass> ours = resideInAPackage(ROOT + ".");
    return noClasses()
        .should(
            new ArchCondition<>("have dependencies that " + description) {
              @Override
              public void check(JavaClass type, ConditionEvents events) {
                for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                  JavaClass target = dependency.getTargetClass().getBaseComponentType();
                  if (ours.test(target)) {
                    boolean bad = forbidden.test(type, target);
                    events.add(new SimpleConditionEvent(type, bad, dependency.getDescription()));
                  }
                }
              }
            });
  }

  /** {@code dev.oxbow.fdpassing.libc.LibC} -> {@code fdpassing}. */
  private static String module(JavaClass type) {
    String path = (type.getPackageName() + ".").substring(ROOT.length());
    return path.substring(0, Math.max(0, path.indexOf('.')));
  }

  private static int level(JavaClass type) {
    return LEVELS.getOrDefault(module(type), 0);
  }

  /** Leaves out test classes, loose or packed in the test jar of a module. */
  static final class WithoutTests implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return !location.contains("/test-classes/") && !location.contains("-tests.jar");
    }
  }
}
