import js from '@eslint/js';
import ts from 'typescript-eslint';

export default ts.config(
    { ignores: ['dist/', 'node_modules/', 'out/'] },
    js.configs.recommended,
    {
        files: ['**/*.ts'],
        extends: [...ts.configs.strictTypeChecked],
        languageOptions: { parserOptions: { project: './tsconfig.json' } },
        rules: {
            '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
            '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidOperator: true }],
            '@typescript-eslint/explicit-function-return-type': ['error', { allowExpressions: true, allowTypedFunctionExpressions: true }],
            'no-restricted-properties': ['error',
                { property: 'innerHTML', message: 'What a stranger wrote must stay text.' },
                { property: 'outerHTML', message: 'What a stranger wrote must stay text.' },
                { property: 'insertAdjacentHTML', message: 'What a stranger wrote must stay text.' }],
            'max-lines': ['error', 500],
            'max-lines-per-function': ['error', 70],
            'max-depth': ['error', 3],
            'max-params': ['error', 6],
        },
    },
    { // the rules do no I/O
        files: ['src/core/**/*.ts'],
        rules: {
            'no-restricted-globals': ['error', 'window', 'document', 'navigator', 'fetch', 'performance', 'setTimeout', 'setInterval', 'location', 'WebSocket', 'crypto'],
            'no-restricted-imports': ['error', { patterns: ['../app/*', '../ui/*', 'jssip*'] }],
        },
    },
    { files: ['src/app/**/*.ts'], rules: { 'no-restricted-imports': ['error', { patterns: ['../ui/*'] }] } },
    { files: ['tests/**/*.ts'], rules: { '@typescript-eslint/no-floating-promises': 'off', 'max-lines-per-function': 'off', 'max-depth': 'off' } },
    { files: ['**/*.mjs', '*.js'], languageOptions: { globals: { Buffer: 'readonly', console: 'readonly', process: 'readonly', setTimeout: 'readonly', URL: 'readonly' } } },
);
