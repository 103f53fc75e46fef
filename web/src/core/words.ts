/* The one list for all languages and clients (docs/protocol/words.md). It never changes. */
export const WORDS: readonly string[] = (
    'acorn album anchor angle apple april arena arrow atlas attic autumn badge ' +
    'bamboo banjo barrel basket beaver bench bicycle bishop blanket bloom board bonfire ' +
    'border bottle branch breeze bridge bronze brother brush bubble bucket button cabin ' +
    'cactus camel candle canoe captain carpet castle cellar chain cherry chimney circle ' +
    'citrus clock cloud clover cobalt coffee comet copper coral cotton cousin cradle ' +
    'cricket crown crystal cupboard curtain daisy dancer decade desert diamond doctor dolphin ' +
    'donkey dragon drawer dream eagle echo elbow ember empire engine envelope evening ' +
    'fabric falcon farmer feather fiddle finger fjord flame flower flute forest fossil ' +
    'fountain friday frost galaxy garden garlic giant giraffe glacier globe golden gorilla ' +
    'granite guitar hammer harbor harvest helmet hockey honey horizon hotel igloo insect ' +
    'island ivory jacket jaguar january jasmine jelly jewel jigsaw jungle kangaroo kernel ' +
    'kettle kitchen kiwi koala ladder lagoon lantern laptop lemon library lilac linen ' +
    'lizard lobster lotus magnet mango maple marble meadow melody metal mirror monday ' +
    'mosaic museum mustard napkin nectar needle nephew nickel noodle north notebook nutmeg ' +
    'oasis ocean octopus olive onion opera orange orchard ostrich oxygen oyster palace ' +
    'panda paper parrot pebble pelican pencil pepper piano pigeon pillow pirate planet ' +
    'polar potato prairie pumpkin puzzle python quartz queen quilt rabbit radio rainbow ' +
    'ribbon river robin rocket rubber saddle salmon sandal saturn scarf school season ' +
    'shadow shelter silver sister sketch snow spider spoon squirrel summer sunset table ' +
    'teacher thunder ticket tiger tomato trumpet tulip tunnel turtle umbrella valley vanilla ' +
    'velvet village violin volcano wagon walnut water wedding whistle window winter wolf ' +
    'yellow yogurt zebra zipper'
).split(' ');
